import type { PodContext } from './pod-context.ts';

/** An event about the pod that is worked on. */
export function record(
  { events, pod }: Pick<PodContext, 'events' | 'pod'>,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  events.recordEvent({ involvedObject: pod, type, reason, message });
}
