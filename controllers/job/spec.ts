/** What the spec of a Job asks for, with defaults filled in. */
import type { Workload, WorkloadSpec } from '../../api/kinds.gen.ts';

type Policy = NonNullable<WorkloadSpec['podFailurePolicy']>;
export type FailureRule = Policy['rules'][number];

export interface JobSpec {
  /** How many runs must succeed. */
  readonly completions: number;
  /** How many may run at a time. */
  readonly parallelism: number;
  readonly backoffLimit: number;
  readonly deadlineMs: number | undefined;
  readonly suspended: boolean;
  /** Each run has a number, from 0 to `completions` - 1. */
  readonly indexed: boolean;
  /** Failed containers start again in their pod. */
  readonly inPlace: boolean;
  readonly rules: readonly FailureRule[];
}

const backoffLimitDefault = 6;

export function jobSpecOf({ spec }: Workload): JobSpec {
  const { replicas = 1, activeDeadlineSeconds } = spec;
  return {
    completions: spec.completions ?? Math.max(replicas, 1),
    parallelism: replicas,
    backoffLimit: spec.backoffLimit ?? backoffLimitDefault,
    deadlineMs: activeDeadlineSeconds === undefined ? undefined : activeDeadlineSeconds * 1000,
    suspended: spec.running === false,
    indexed: spec.identity === 'Stable',
    inPlace: spec.template.spec.restartPolicy === 'OnFailure',
    rules: spec.podFailurePolicy?.rules ?? [],
  };
}
