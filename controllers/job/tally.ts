/**
 * Counts the runs of a Job that have ended. Pure. A pod is counted once and for ever: its uid goes into
 * the status in the same write as the new counts and leaves it only when the pod has lost its finalizer,
 * so that whoever is killed in between finds out which of the two has happened.
 */
import type { Pod, WorkloadStatus } from '../../api/kinds.gen.ts';
import { failureInWords, judgeFailure } from './failure.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { endOf, indexOf, isRemoved, isTracked } from './job-pod.ts';
import type { JobSpec } from './spec.ts';

export interface Tally {
  readonly succeeded: number;
  readonly failed: number;
  /** The numbers that have succeeded, where runs are numbered. */
  readonly indexes: ReadonlySet<number>;
  /** By uid: counted, but perhaps not yet marked so. */
  readonly counted: ReadonlySet<string>;
  readonly lastFailure: string | undefined;
  /** A failure that the policy does not forgive. */
  readonly fatal: string | undefined;
}

/** Pods counted in one pass; the rest follows in the next. */
export const countMax = 500;

export function tallyOf(
  status: WorkloadStatus | undefined,
  pods: readonly Pod[],
  spec: JobSpec,
): Tally {
  const indexes = parseIndexes(status?.completedIndexes, spec.completions);
  const counted = new Set(status?.countedPods);
  let { succeeded = 0, failed = 0, lastFailure } = status ?? {};
  let fatal: string | undefined;
  const fresh = pods.filter((pod) => isTracked(pod) && !counted.has(pod.metadata.uid ?? ''));
  for (const pod of fresh) {
    const end = endOf(pod, spec.indexed);
    if (end === undefined || counted.size >= countMax) continue;
    counted.add(pod.metadata.uid ?? '');
    if (end === 'succeeded') {
      succeeded += 1;
      const index = indexOf(pod);
      if (index !== undefined && index < spec.completions) indexes.add(index);
    } else if (!isRemoved(pod)) {
      const judgement = judgeFailure(pod, spec.rules);
      lastFailure = failureInWords(pod);
      if (judgement.action !== 'Ignore') failed += 1;
      if (judgement.action === 'FailJob') fatal ??= judgement.message;
    }
  }
  if (spec.indexed) succeeded = indexes.size;
  return { succeeded, failed, indexes, counted, lastFailure, fatal };
}

/** The fields of the status that the counts stand in. */
export function tallyFields({ succeeded, failed, indexes, counted, lastFailure }: Tally) {
  return {
    succeeded,
    failed,
    ...(indexes.size === 0 ? {} : { completedIndexes: formatIndexes(indexes) }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...countedField(counted),
  };
}

/** Absent rather than empty. */
export function countedField(counted: ReadonlySet<string>) {
  return { countedPods: counted.size === 0 ? undefined : [...counted] };
}
