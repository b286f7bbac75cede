import { setMaxListeners } from 'node:events';

/** Marks a signal that many calls listen to at once, so that Node does not take it for a leak. */
export function longLived(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
