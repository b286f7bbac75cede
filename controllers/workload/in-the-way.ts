/** Which pods keep a rollout from going on, and why, in words. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { ContainerStatus, Pod } from '../../api/kinds.gen.ts';
import { isActive, isProven } from './pod-state.ts';

/** Pods told by name; the rest is counted. */
const namedMax = 3;

/** Longest text of a pod's own message. */
const messageMax = 200;

/** What is usual for a pod that starts, and says nothing. */
const starting = new Set(['ContainerCreating', 'PodInitializing']);

/** `pod web-x: ImagePullBackOff: … (since …)`; empty when nothing is in the way. */
export function inTheWay(pods: readonly Pod[], minReadySeconds: number, nowMs: number): string {
  const late = pods.filter((pod) => isActive(pod) && !isProven(pod, minReadySeconds, nowMs));
  const told = late.slice(0, namedMax).map((pod) => {
    const { why, since } = trouble(pod, minReadySeconds);
    return `pod ${pod.metadata.name}: ${why}${since === undefined ? '' : ` (since ${since})`}`;
  });
  const more = late.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

interface Trouble {
  readonly why: string;
  readonly since: string | undefined;
}

function trouble({ metadata, spec, status }: Pod, minReadySeconds: number): Trouble {
  const since = metadata.creationTimestamp;
  const scheduled = findCondition(status?.conditions, 'PodScheduled');
  if (spec.nodeName === undefined) {
    const why = sentence(scheduled?.reason ?? 'not scheduled yet', scheduled?.message);
    return { why, since: scheduled?.lastTransitionTime ?? since };
  }
  const ready = findCondition(status?.conditions, 'Ready');
  const notReadySince = ready?.lastTransitionTime ?? since;
  const { initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  for (const container of [...initContainerStatuses, ...containerStatuses]) {
    const why = ofContainer(container);
    if (why !== undefined) return { why, since: notReadySince };
  }
  if (ready?.status === 'True') {
    const restarted = containerStatuses.some(({ restartCount = 0 }) => restartCount > 0);
    const why = restarted
      ? 'restarted, and ready again too short a time to be trusted'
      : `ready, but not yet for ${minReadySeconds} s (minReadySeconds)`;
    return { why, since: notReadySince };
  }
  const unready = containerStatuses.find(({ ready, state }) => !ready && state?.running);
  if (unready !== undefined) {
    return { why: `container ${unready.name} runs and fails its readiness probe`, since };
  }
  return { why: sentence(ready?.reason ?? 'not ready yet', ready?.message), since };
}

function ofContainer({ name, state, lastState }: ContainerStatus): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason !== undefined && !starting.has(waiting.reason)) {
    const code = lastState?.terminated?.exitCode;
    const ended = code === undefined ? '' : `, last exit code ${code}`;
    return `${sentence(waiting.reason, waiting.message)} (container ${name}${ended})`;
  }
  if (terminated !== undefined && terminated.exitCode !== 0) {
    return `container ${name} ended with exit code ${terminated.exitCode}`;
  }
  return undefined;
}

function sentence(reason: string, message: string | undefined): string {
  return message === undefined || message === '' ? reason : `${reason}: ${cut(message)}`;
}

function cut(text: string): string {
  return text.length <= messageMax ? text : `${text.slice(0, messageMax - 1)}…`;
}
