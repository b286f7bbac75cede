import type { Clock } from './clock.ts';

/** Runs `task` so long after each of its ends, until `signal` aborts. */
export async function repeat(
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
  task: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => undefined);
    if (!signal.aborted) await task();
  }
}
