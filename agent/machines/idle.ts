import type { InstanceStatus } from '../../runtime/runtime.ts';

/** A guest that is there and does nothing: nobody is served, and no check is answered. */
export function isIdle(status: InstanceStatus | undefined): boolean {
  const state = status?.machine?.state;
  return state === 'paused' || state === 'sleeping';
}
