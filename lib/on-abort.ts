import { setMaxListeners } from 'node:events';

/**
 * Calls `listener` once when `signal` aborts; returns what takes it back. One signal, that of the
 * process say, may serve any number of calls at once, so Node is told not to take it for a leak.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
