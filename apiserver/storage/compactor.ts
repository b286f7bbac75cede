/** Forgets history that is older than the window, so that the store does not grow without end. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Revision, Store } from '../../store/store.ts';

export interface CompactorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly historyMs: number;
}

/** Remembers the revision of each interval and compacts to the one a window ago, until aborted. */
export async function runCompactor(deps: CompactorDeps, signal: AbortSignal): Promise<void> {
  const { store, clock, log, historyMs } = deps;
  let previous: Revision | undefined;
  while (!signal.aborted) {
    try {
      await clock.sleep(historyMs, signal);
      const current = await store.revision({ signal });
      if (previous !== undefined && previous < current) {
        await store.compact(previous, { signal });
        log.debug({ revision: String(previous) }, 'history compacted');
      }
      previous = current;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'history not compacted');
    }
  }
}
