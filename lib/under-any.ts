import { setMaxListeners } from 'node:events';

/**
 * What `task` comes to under a signal that aborts with the first of `signals`; afterwards nothing is left on these.
 * `AbortSignal.any` leaves 70 bytes on each of them for as long as that lives, and a timeout among them may be collected
 * before its time. Source: Node 20, lib/internal/abort_controller.js.
 */
export async function underAny<T>(
  signals: readonly AbortSignal[],
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const any = new AbortController();
  const pass = ({ target }: Event) => any.abort((target as AbortSignal).reason); // Nobody else is listened to.
  for (const signal of signals) {
    setMaxListeners(0, signal);
    signal.addEventListener('abort', pass, { once: true });
    if (signal.aborted) any.abort(signal.reason);
  }
  try {
    return await task(any.signal);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', pass);
  }
}
