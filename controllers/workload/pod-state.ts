/** What a controller needs to know of a pod. */
import { findCondition } from '../../api/conditions.ts';
import type { Pod } from '../../api/kinds.gen.ts';

/** Counts as an instance: not on its way out and not ended. */
export function isActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isEnded(pod);
}

/** Ran to an end by itself or by eviction; never runs again. */
export function isEnded({ status }: Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}

/** By the agent's word and every readiness gate's. */
export function isReady(pod: Pod): boolean {
  const is = (type: string) => findCondition(pod.status?.conditions, type)?.status === 'True';
  const gates = pod.spec.readinessGates ?? [];
  return isActive(pod) && is('Ready') && gates.every(({ conditionType }) => is(conditionType));
}

/** When the pod is or becomes available, if it stays ready; undefined when it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  if (!isReady(pod)) return undefined;
  const since = findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime;
  if (minReadySeconds === 0) return 0;
  return since === undefined ? undefined : Date.parse(since) + minReadySeconds * 1000;
}

export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/**
 * An instance that had to be restarted must have been ready for so long before a rollout trusts it:
 * one that crashes again and again is ready for a moment each time.
 */
const provenAfterRestartSeconds = 30;

/** When a rollout may count on the pod, if it stays ready. */
export function provenAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  const least = restartsOf(pod) > 0 ? provenAfterRestartSeconds : 0;
  return availableAtMs(pod, Math.max(minReadySeconds, least));
}

export function isProven(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const atMs = provenAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/** Since when it is ready; 0 when it is not. */
export function readySinceMs(pod: Pod): number {
  const since = findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime;
  return isReady(pod) && since !== undefined ? Date.parse(since) : 0;
}

/** Restarts of all its containers. */
export function restartsOf({ status }: Pod): number {
  return (status?.containerStatuses ?? []).reduce((sum, each) => sum + (each.restartCount ?? 0), 0);
}
