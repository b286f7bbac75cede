import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Resolves when `target` takes data again, or will never do so. */
export async function drained(target: Writable): Promise<void> {
  // Its last event is over: waiting for another one would be for ever.
  if (target.destroyed || target.closed) return;
  const settled = new AbortController();
  const { signal } = settled;
  try {
    await Promise.race([once(target, 'drain', { signal }), once(target, 'close', { signal })]);
  } finally {
    // Takes the listeners of the event that did not come away.
    settled.abort();
  }
}
