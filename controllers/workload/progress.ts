/** How far a rollout is, and whether it has stood still for too long. Pure. */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { Desired } from './desired.ts';
import { isCurrent } from './plan.ts';
import { isActive, isProven } from './pod-state.ts';

export interface ProgressInput {
  readonly workload: Workload;
  readonly desired: Desired;
  /** The revision that is rolled out, by name and hash. */
  readonly target: { readonly name: string; readonly hash: string };
  /** The one that was complete last, if it is another. */
  readonly current: string | undefined;
  readonly pods: readonly Pod[];
  /** Something is missing, so that no rollout can go on. */
  readonly blocked: boolean;
  readonly nowMs: number;
}

export interface Progress {
  /** All instances there should be, of the target and no other, and available. */
  readonly complete: boolean;
  /** The target has not been complete since it became the target. */
  readonly rolling: boolean;
  readonly exceeded: boolean;
  readonly sinceMs: number;
  /** Until the deadline; undefined when there is none. */
  readonly waitMs: number | undefined;
  readonly status: {
    readonly lastProgressTime: string;
    readonly progressedReplicas: number;
    /** Undefined takes an earlier one away. */
    readonly currentRevision: string | undefined;
  };
}

const defaultDeadlineSeconds = 600;

/** While one of these holds, the clock stands still. */
const heldReasons = new Set(['UpdatePaused', 'Stopped', 'ConfigMissing']);

export function progressOf(input: ProgressInput): Progress {
  const { workload, desired, target, blocked, nowMs } = input;
  const { status, spec } = workload;
  const counts = count(input);
  const { running, paused } = desired;
  const complete = running && counts.whole;
  const was = status?.currentRevision === target.name;
  const current = was || (complete && !blocked) ? target.name : input.current;
  const rolling = running && current !== target.name;

  const same = status?.updateRevision === target.name;
  const best = same ? (status?.progressedReplicas ?? 0) : 0;
  const reason = findCondition(status?.conditions, 'Progressing')?.reason ?? '';
  const since = same && !heldReasons.has(reason) ? status?.lastProgressTime : undefined;
  const further = since === undefined || counts.proven > best;
  // With more than the best so far: an instance that comes and goes is no progress.
  const sinceMs = further && rolling ? nowMs : Date.parse(since ?? formatTime(nowMs));
  const deadlineMs = sinceMs + (spec.progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000;
  const timed = rolling && !paused && !blocked;
  return {
    complete,
    rolling,
    exceeded: timed && nowMs >= deadlineMs,
    sinceMs,
    waitMs: timed && nowMs < deadlineMs ? deadlineMs - nowMs : undefined,
    status: {
      lastProgressTime: formatTime(sinceMs),
      progressedReplicas: Math.max(best, counts.proven),
      currentRevision: current,
    },
  };
}

function count({ desired, target, pods, nowMs }: ProgressInput) {
  const active = pods.filter(isActive);
  const updated = active.filter((pod) => isCurrent(pod, target.hash));
  const { minReadySeconds } = desired;
  const proven = updated.filter((pod) => isProven(pod, minReadySeconds, nowMs)).length;
  const whole = active.length === desired.count && proven === desired.count;
  return { proven, whole };
}
