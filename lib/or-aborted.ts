import { onAbort } from './on-abort.ts';

/** What `work` comes to; the signal's reason when that aborts first, and then nobody hears of `work` any more. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    // Not by another signal: each that aborts makes an error with its stack.
    const forget = onAbort(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(forget);
  });
}
