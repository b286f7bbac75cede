import type { Clock } from './clock.ts';
import { underAny } from './under-any.ts';

/** What `task` resolves to, unless it takes longer than `ms`: then it is given up, whether it listens to its signal or not. */
export async function within<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  return await underAny([signal, stop.signal], async (either) => {
    const late = clock.sleep(ms, either).then(() => {
      throw new Error(`no answer within ${ms} ms`);
    });
    try {
      return await Promise.race([task(either), late]);
    } finally {
      stop.abort(new Error('given up'));
    }
  });
}
