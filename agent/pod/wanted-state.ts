/** How a pod shall be: running, stopped, halted, and how long it may take to end. Pure. */
import type { Pod } from '../../api/kinds.gen.ts';

/** Whether the pod shall not run, and keep all that it has. */
export function isStopWanted(pod: Pod): boolean {
  return pod.metadata.annotations?.['berth.dev/running'] === 'false';
}

/** Whether what runs of the pod shall be halted where it is. */
export function isPauseWanted(pod: Pod): boolean {
  return pod.metadata.annotations?.['berth.dev/paused'] === 'true';
}

const graceDefaultSeconds = 30;

export function graceMsOf(pod: Pod): number {
  const { deletionGracePeriodSeconds } = pod.metadata;
  return deletionGracePeriodSeconds === undefined
    ? killGraceMsOf(pod)
    : deletionGracePeriodSeconds * 1000;
}

/** The grace of a container that ends while its pod stays. */
export function killGraceMsOf({ spec }: Pod): number {
  const seconds = spec.terminationGracePeriodSeconds ?? graceDefaultSeconds;
  // As the API does on deletion.
  return (seconds < 0 ? 1 : seconds) * 1000;
}
