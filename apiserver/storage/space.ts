/** Keeps an eye on the room in the store: says once when it is full, and once when it no longer is. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { underAny } from '../../lib/under-any.ts';
import type { Store, StoreSpace } from '../../store/store.ts';

export interface SpaceWatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of every look. */
  readonly onSpace?: (space: StoreSpace) => void;
}

const lookEveryMs = 10_000;
const answerMs = 2_000;

/** Looks until aborted. A store that does not answer is said elsewhere. */
export async function runSpaceWatch(deps: SpaceWatchDeps, signal: AbortSignal): Promise<void> {
  const { store, clock, log, onSpace } = deps;
  let wasFull = false;
  while (!signal.aborted) {
    try {
      const look = (any: AbortSignal) => store.space({ signal: any });
      const space = await underAny([signal, AbortSignal.timeout(answerMs)], look);
      onSpace?.(space);
      const { full, sizeBytes, freeBytes } = space;
      if (full !== undefined && !wasFull) {
        log.error({ ...full, sizeBytes, freeBytes }, 'the store is full: reads and deletions only');
      }
      if (full === undefined && wasFull) log.info({ sizeBytes, freeBytes }, 'the store has space');
      wasFull = full !== undefined;
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error }, 'room in the store not known');
    }
    await clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
}

/** For `/readyz`: what is wrong, with the remedy; `undefined` while there is space. */
export async function spaceCheck(store: Store): Promise<string | undefined> {
  const { full } = await store.space({ signal: AbortSignal.timeout(answerMs) });
  return full === undefined ? undefined : `${full.why}; remedy: ${full.remedy}`;
}
