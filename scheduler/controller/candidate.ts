/** A pod that can be decided, and who is decided together. */
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { Gang } from './gangs.ts';
import type { PendingPod } from './pending-pods.ts';

export interface Candidate {
  readonly pending: PendingPod;
  readonly pod: Pod;
  readonly request: PlacementRequest;
  readonly gang: Gang | undefined;
  /** What it claims; absent: none. */
  readonly volumes?: readonly Volume[];
}

export function moreUrgentFirst(a: Candidate, b: Candidate): number {
  const [priorityA, priorityB] = [a.pod.spec.priority ?? 0, b.pod.spec.priority ?? 0];
  if (priorityA !== priorityB) return priorityB - priorityA;
  const { creationTimestamp: madeA = '' } = a.pod.metadata;
  const { creationTimestamp: madeB = '' } = b.pod.metadata;
  if (madeA !== madeB) return madeA < madeB ? -1 : 1;
  return a.pending.key < b.pending.key ? -1 : 1;
}

export function byClass({ request: a }: Candidate, { request: b }: Candidate): number {
  if (a.classKey === b.classKey) return 0;
  return a.classKey < b.classKey ? -1 : 1;
}

/** Neighbours of one key, and a whole gang where the first of its members stands. */
export function unitsOf(
  candidates: readonly Candidate[],
  keyOf: (candidate: Candidate) => string,
): readonly Candidate[][] {
  const units: Candidate[][] = [];
  const gangs = new Map<string, Candidate[]>();
  let last: string | undefined;
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    const unit = candidate.gang === undefined ? units.at(-1) : gangs.get(key);
    if (unit !== undefined && (candidate.gang !== undefined || key === last)) unit.push(candidate);
    else {
      const started = [candidate];
      units.push(started);
      if (candidate.gang !== undefined) gangs.set(key, started);
    }
    last = key;
  }
  return units;
}

/** Whether somebody placed elsewhere could help. */
export function waitsForPeers({ peerRules }: PlacementRequest): boolean {
  if (peerRules === undefined) return false;
  return peerRules.near.length > 0 || peerRules.spread.some(({ required }) => required);
}

/** Counted from when the oldest of them was made. */
export function deadlineOf({ timeoutMs }: Gang, all: readonly Candidate[]): number {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { pod } of all) {
    oldest = Math.min(oldest, Date.parse(pod.metadata.creationTimestamp ?? '') || 0);
  }
  return oldest + timeoutMs;
}
