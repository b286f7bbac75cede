/** Whether a Job has failed, and how long it must rest before its next run. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { restartsOf } from '../workload/pod-state.ts';
import { endedAtMs, endOf, isRemoved } from './job-pod.ts';
import type { JobSpec } from './spec.ts';
import type { Tally } from './tally.ts';

export interface Verdict {
  readonly reason: 'PodFailurePolicy' | 'BackoffLimitExceeded' | 'DeadlineExceeded';
  readonly message: string;
}

/** Upstream's, until 1.32 (there 10 minutes). */
const backoffFirstMs = 10_000;
const backoffMaxMs = 360_000;

/** A Job that has failed stays failed. Source: kubernetes pkg/controller/job, `syncJob`. */
export function verdictOf(
  { status }: Workload,
  spec: JobSpec,
  tally: Tally,
  pods: readonly Pod[],
  nowMs: number,
): Verdict | undefined {
  const decided = findCondition(status?.conditions, 'FailureTarget');
  if (decided?.status === 'True') {
    // Only we write it, with one of these reasons.
    const reason = decided.reason as Verdict['reason'];
    return { reason, message: decided.message ?? '' };
  }
  if (tally.fatal !== undefined) return { reason: 'PodFailurePolicy', message: tally.fatal };
  if (tally.failed > spec.backoffLimit || restartedTooOften(spec, pods)) {
    const last = tally.lastFailure === undefined ? '' : `; the last: ${tally.lastFailure}`;
    const message = `Job has reached the specified backoff limit${last}`;
    return { reason: 'BackoffLimitExceeded', message };
  }
  if ((untilDeadlineMs(status?.startTime, spec, nowMs) ?? 1) <= 0) {
    const message = 'Job was active longer than specified deadline';
    return { reason: 'DeadlineExceeded', message };
  }
  return undefined;
}

/** `undefined` when there is no deadline, or it does not run. */
export function untilDeadlineMs(
  startTime: string | undefined,
  { deadlineMs, suspended }: JobSpec,
  nowMs: number,
): number | undefined {
  if (deadlineMs === undefined || startTime === undefined || suspended) return undefined;
  return Date.parse(startTime) + deadlineMs - nowMs;
}

/** With restartPolicy OnFailure nothing fails but a container, again and again. */
function restartedTooOften({ inPlace, indexed, backoffLimit }: JobSpec, pods: readonly Pod[]) {
  if (!inPlace) return false;
  const restarts = pods
    .filter((pod) => endOf(pod, indexed) === undefined)
    .reduce((sum, pod) => sum + restartsOf(pod), 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** How long no run may begin, by the failures since the last success. 0 = one may. */
export function backoffMs(pods: readonly Pod[], { indexed }: JobSpec, nowMs: number): number {
  const ended = (wanted: 'succeeded' | 'failed') =>
    pods.filter((pod) => endOf(pod, indexed) === wanted && !isRemoved(pod)).map(endedAtMs);
  const lastSuccessMs = Math.max(0, ...ended('succeeded'));
  const failures = ended('failed').filter((ms) => ms > lastSuccessMs);
  if (failures.length === 0) return 0;
  const delayMs = Math.min(backoffFirstMs * 2 ** (failures.length - 1), backoffMaxMs);
  return Math.max(Math.max(...failures) + delayMs - nowMs, 0);
}
