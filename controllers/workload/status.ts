/** What a workload's status says about its pods; pure. */
import { formatTime } from '../../api/conditions.ts';
import type { Pod } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { StatusError } from '../../api/status.ts';
import type { StatusCondition } from '../kit/controller.ts';
import type { Desired } from './desired.ts';
import { inTheWay } from './in-the-way.ts';
import { isCurrent } from './plan.ts';
import { isActive, isAvailable, isReady } from './pod-state.ts';
import type { Progress } from './progress.ts';
import type { Target } from './target.ts';

export interface StatusInput {
  readonly desired: Desired;
  readonly target: Target;
  /** Undefined when there is no revision. */
  readonly progress: Progress | undefined;
  readonly pods: readonly Pod[];
  readonly selector: string;
  readonly refused: StatusError | undefined;
  /** So many find no node, and no more are made for now. */
  readonly heldBack: number | undefined;
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
    status: {
      desiredReplicas: input.desired.count,
      ...counts,
      ...revisionStatus(input),
      selector: input.selector,
    },
    conditions: [
      availableCondition(input, counts),
      progressingCondition(input, counts),
      failureCondition(input),
    ],
  };
}

function revisionStatus({ target, progress }: StatusInput): JsonObject {
  const { revision, collisions } = target;
  return {
    ...(revision === undefined ? {} : { updateRevision: revision.name }),
    ...(progress === undefined ? {} : progress.status),
    ...(collisions === 0 ? {} : { collisionCount: collisions }),
  };
}

function countPods({ desired, target, pods, nowMs }: StatusInput): WorkloadCounts {
  const hash = target.revision?.hash ?? '';
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

/** `RolledOut` once all was as wanted; the message of `RollingOut` says how far it is. */
function progressingCondition(input: StatusInput, counts: WorkloadCounts): StatusCondition {
  const type = 'Progressing';
  const { desired, target, progress } = input;
  const { count } = desired;
  if (!desired.running) {
    return { type, status: 'False', reason: 'Stopped', message: 'The workload is stopped.' };
  }
  if (target.missing !== undefined) {
    return { type, status: 'False', reason: 'ConfigMissing', message: missingMessage(target) };
  }
  if (desired.paused && (progress === undefined || progress.rolling)) {
    const old = counts.replicas - counts.updatedReplicas;
    const message = `The rollout is paused: ${old} instances have an older template.`;
    return { type, status: 'Unknown', reason: 'UpdatePaused', message };
  }
  if (target.failed?.failure !== undefined) {
    const message =
      `${revisionText(target.failed)} failed and was undone: ${target.failed.failure}. ` +
      `The instances are those of ${revisionText(target.revision)}.`;
    return { type, status: 'False', reason: 'ProgressDeadlineExceeded', message };
  }
  if (progress?.exceeded) {
    const message = exceededMessage(input, progress);
    return { type, status: 'False', reason: 'ProgressDeadlineExceeded', message };
  }
  if (progress?.complete) {
    const message = `All ${count} instances are up to date and available.`;
    return { type, status: 'True', reason: 'RolledOut', message };
  }
  const { updatedReplicas, availableReplicas, replicas } = counts;
  const message =
    `${updatedReplicas} of ${count} instances are up to date, ` +
    `${availableReplicas} available, ${replicas - updatedReplicas} old ones left.`;
  const reason = progress?.rolling === false ? 'RolledOut' : 'RollingOut';
  return { type, status: 'True', reason, message };
}

function missingMessage({ missing, revision }: Target): string {
  const goesOn = revision === undefined ? '' : `; ${revisionText(revision)} stays as it is`;
  return `${missing} named by spec.template not found: the rollout waits for it${goesOn}.`;
}

/** Also what is remembered of a revision that is undone. */
export function exceededMessage(
  { target, pods, desired, nowMs }: StatusInput,
  { sinceMs }: Progress,
) {
  const updated = pods.filter((pod) => isCurrent(pod, target.revision?.hash ?? ''));
  const why = inTheWay(updated, desired.minReadySeconds, nowMs);
  const since = formatTime(sinceMs);
  return `${revisionText(target.revision)} has made no progress since ${since}: ${why || 'no pod could be made'}`;
}

function revisionText(revision: Target['revision']): string {
  return revision === undefined ? 'no revision' : `revision ${revision.number} (${revision.name})`;
}

function failureCondition({ refused, heldBack }: StatusInput): StatusCondition {
  const type = 'ReplicaFailure';
  if (refused !== undefined) {
    return { type, status: 'True', reason: 'FailedCreate', message: refused.message };
  }
  if (heldBack === undefined) return { type, remove: true };
  const message = `${heldBack} instances find no node; no more are made until they do.`;
  return { type, status: 'True', reason: 'TooManyUnplaced', message };
}
