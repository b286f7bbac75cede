/** What a workload's status says about its pods; pure. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { StatusError } from '../../api/status.ts';
import type { StatusCondition } from '../kit/controller.ts';
import type { Desired } from './desired.ts';
import { isCurrent } from './plan.ts';
import { isActive, isAvailable, isReady } from './pod-state.ts';

export interface StatusInput {
  readonly desired: Desired;
  readonly hash: string;
  readonly pods: readonly Pod[];
  readonly selector: string;
  readonly refused: StatusError | undefined;
  readonly nowMs: number;
}

interface WorkloadCounts {
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly updatedReplicas: number;
}

export function workloadStatus(input: StatusInput): {
  readonly status: JsonObject;
  readonly conditions: readonly StatusCondition[];
} {
  const counts = countPods(input);
  return {
    status: { ...counts, selector: input.selector },
    conditions: [
      availableCondition(input, counts),
      progressingCondition(input, counts),
      failureCondition(input),
    ],
  };
}

function countPods({ desired, hash, pods, nowMs }: StatusInput): WorkloadCounts {
  const active = pods.filter(isActive);
  const { minReadySeconds } = desired;
  return {
    replicas: active.length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    updatedReplicas: active.filter((pod) => isCurrent(pod, hash)).length,
  };
}

function availableCondition({ desired }: StatusInput, counts: WorkloadCounts): StatusCondition {
  const type = 'Available';
  const enough = counts.availableReplicas >= desired.count - desired.maxUnavailable;
  if (!desired.running) {
    return { type, status: 'False', reason: 'Stopped', message: 'The workload is stopped.' };
  }
  return enough
    ? {
        type,
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'The workload has minimum availability.',
      }
    : {
        type,
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'The workload does not have minimum availability.',
      };
}

/** `RolledOut` when all is as wanted; the message of `RollingOut` says how far it is. */
function progressingCondition(
  { desired, pods, hash }: StatusInput,
  counts: WorkloadCounts,
): StatusCondition {
  const type = 'Progressing';
  const { count } = desired;
  const old = pods.filter((pod) => isActive(pod) && !isCurrent(pod, hash)).length;
  if (!desired.running) {
    return { type, status: 'False', reason: 'Stopped', message: 'The workload is stopped.' };
  }
  if (desired.paused && old > 0) {
    const message = `The update is paused: ${old} instances have an older template.`;
    return { type, status: 'Unknown', reason: 'UpdatePaused', message };
  }
  const { replicas, updatedReplicas, availableReplicas } = counts;
  const whole = replicas === count && updatedReplicas === count && availableReplicas >= count;
  if (whole) {
    const message = `All ${count} instances are up to date and available.`;
    return { type, status: 'True', reason: 'RolledOut', message };
  }
  const message =
    `${updatedReplicas} of ${count} instances are up to date, ` +
    `${availableReplicas} available, ${old} old ones left.`;
  return { type, status: 'True', reason: 'RollingOut', message };
}

function failureCondition({ refused }: StatusInput): StatusCondition {
  const type = 'ReplicaFailure';
  if (refused === undefined) return { type, remove: true };
  return { type, status: 'True', reason: 'FailedCreate', message: refused.message };
}
