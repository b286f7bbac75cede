/** Who would have to go from a node, as far as amounts alone decide. */
import { nodeAffinity } from '../constraints/node-affinity.ts';
import { nodeSelector } from '../constraints/node-selector.ts';
import { dislikeOf } from '../engine/evaluate.ts';
import type { NodeRecord, NodeTraits, PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { refused } from '../engine/verdict.ts';
import {
  type Candidate,
  moreImportantFirst,
  orderOfReprieve,
  type PreemptionOptions,
} from './occupant.ts';
import type { Victims } from './rank.ts';

/** What may be taken from a node. */
export interface Removable {
  readonly candidates: readonly Candidate[];
  /** Uids of those that go anyhow. */
  readonly leaving: readonly string[];
}

export function removableFrom(
  snapshot: Snapshot,
  node: string,
  { priority, occupantOf }: PreemptionOptions,
): Removable {
  const candidates: Candidate[] = [];
  const leaving: string[] = [];
  for (const uid of snapshot.placedOn(node)) {
    const occupant = occupantOf(uid);
    if (occupant === undefined || occupant.state === 'stays') continue;
    if (occupant.state === 'leaving') leaving.push(uid);
    else if (occupant.priority < priority) candidates.push({ ...occupant, uid });
  }
  return { candidates, leaving };
}

/** One answer for each node where it could work, in the order of nodes' names. */
export function estimates(
  snapshot: Snapshot,
  request: PlacementRequest,
  options: PreemptionOptions,
): readonly Victims[] {
  const found: Victims[] = [];
  const refuses = rulesOf(request);
  for (const index of snapshot.order.indices()) {
    const record = snapshot.recordAt(index);
    if (record === undefined || refuses(record)) continue;
    const removable = removableFrom(snapshot, record.name, options);
    if (removable.candidates.length + removable.leaving.length === 0) continue;
    const answer = byAmounts(snapshot, request, index, removable, options.allowed);
    if (answer !== undefined) found.push({ node: record.name, ...answer });
  }
  return found;
}

/** Rules that nobody's going would change. */
function rulesOf(request: PlacementRequest): (record: NodeRecord) => boolean {
  const known = new WeakMap<NodeTraits, boolean>();
  const rules = [nodeSelector, nodeAffinity].filter((rule) => rule.applies(request));
  return ({ name, labels, traits }) => {
    const byTraits = known.get(traits) ?? dislikeOf(request, traits) === refused;
    known.set(traits, byTraits);
    if (byTraits) return true;
    return rules.some((rule) => rule.refuse(request, { name, labels, ownerCount: 0 }));
  };
}

function byAmounts(
  snapshot: Snapshot,
  request: PlacementRequest,
  index: number,
  { candidates, leaving }: Removable,
  allowed: ReadonlyMap<string, number>,
): Omit<Victims, 'node'> | undefined {
  const { amounts } = request;
  /** What is left of each amount asked for, were the request here and all that may go gone. */
  const spare = amounts.map(({ resource, amount }) => {
    const column = snapshot.columns.get(resource);
    return (column?.capacity[index] ?? 0) - (column?.used[index] ?? 0) - amount;
  });
  const shares = new Map<string, readonly number[]>();
  for (const uid of [...leaving, ...candidates.map((each) => each.uid)]) {
    const share = amounts.map(({ resource }) => takenBy(snapshot, uid, resource));
    shares.set(uid, share);
    share.forEach((amount, k) => {
      spare[k] = (spare[k] ?? 0) + amount;
    });
  }
  if (spare.some((amount) => amount < 0)) return undefined;
  let violations = 0;
  const victims: Candidate[] = [];
  for (const { candidate, violates } of orderOfReprieve(candidates, allowed)) {
    const share = shares.get(candidate.uid) ?? [];
    if (share.every((amount, k) => amount <= (spare[k] ?? 0))) {
      share.forEach((amount, k) => {
        spare[k] = (spare[k] ?? 0) - amount;
      });
      continue;
    }
    victims.push(candidate);
    if (violates) violations += 1;
  }
  return { victims: victims.sort(moreImportantFirst), violations };
}

function takenBy(snapshot: Snapshot, uid: string, resource: string): number {
  const amounts = snapshot.placementOf(uid)?.footprint.amounts ?? [];
  return amounts.find((each) => each.resource === resource)?.amount ?? 0;
}
