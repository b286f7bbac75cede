import { retryLevel } from '../../client/retry-level.ts';
import type { WorkQueue } from '../../client/work-queue.ts';
import type { Log } from '../../lib/log.ts';

/** Works on what a queue names until `signal` aborts; `task` resolves with whether it has to be tried again. */
export async function work(
  queue: WorkQueue,
  task: (uid: string) => Promise<boolean>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const uid = await queue.get({ signal }).catch(() => undefined);
    if (uid === undefined) return;
    try {
      if (await task(uid)) queue.addRateLimited(uid);
      else queue.forget(uid);
    } catch (error) {
      if (!signal.aborted) {
        const delayMs = queue.addRateLimited(uid);
        log[retryLevel(error)]({ uid, err: error, delayMs }, 'volume not synced');
      }
    } finally {
      queue.done(uid);
    }
  }
}
