/** What the status of a Job says; pure. */
import { findCondition } from '../../api/conditions.ts';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { StatusError } from '../../api/status.ts';
import type { StatusCondition } from '../kit/controller.ts';
import { isReady } from '../workload/pod-state.ts';
import { activePods } from './plan.ts';
import type { JobSpec } from './spec.ts';
import type { Tally } from './tally.ts';
import type { Verdict } from './verdict.ts';

/** How a Job has ended; `undefined` while it goes on. */
export function finishOf({ status }: Workload): 'Complete' | 'Failed' | undefined {
  const is = (type: string) => findCondition(status?.conditions, type)?.status === 'True';
  if (is('Complete')) return 'Complete';
  return is('Failed') ? 'Failed' : undefined;
}

export function podCounts(pods: readonly Pod[], spec: JobSpec) {
  const active = activePods(pods, spec);
  const ready = active.filter(isReady).length;
  return {
    active: active.length,
    ready,
    desiredReplicas: spec.parallelism,
    replicas: active.length,
    readyReplicas: ready,
  };
}

/** `Running 1/3`. */
export function summaryOf(
  state: 'Running' | 'Suspended' | 'Complete' | 'Failed',
  { succeeded }: Pick<Tally, 'succeeded'>,
  { completions }: JobSpec,
): string {
  return `${state} ${succeeded}/${completions}`;
}

export function suspendedCondition(
  { status }: Workload,
  { suspended }: JobSpec,
): readonly StatusCondition[] {
  const type = 'Suspended';
  if (suspended) {
    return [{ type, status: 'True', reason: 'JobSuspended', message: 'Job suspended' }];
  }
  if (findCondition(status?.conditions, type) === undefined) return [];
  return [{ type, status: 'False', reason: 'JobResumed', message: 'Job resumed' }];
}

/** The decision; `Failed` follows when nothing runs any more. */
export function failureTarget(verdict: Verdict | undefined): readonly StatusCondition[] {
  return verdict === undefined ? [] : [{ type: 'FailureTarget', status: 'True', ...verdict }];
}

export function finishedCondition(verdict: Verdict | undefined): StatusCondition {
  if (verdict !== undefined) return { type: 'Failed', status: 'True', ...verdict };
  const message = 'Reached expected number of succeeded pods';
  return { type: 'Complete', status: 'True', reason: 'CompletionsReached', message };
}

export function refusalCondition(refused: StatusError | undefined): StatusCondition {
  const type = 'ReplicaFailure';
  if (refused === undefined) return { type, remove: true };
  return { type, status: 'True', reason: 'FailedCreate', message: refused.message };
}
