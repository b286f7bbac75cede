import { formatTime } from '../../api/conditions.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import type { Clock } from '../../lib/clock.ts';

/** How a cache says what it has seen. */
export interface Seen {
  hasSeen(object: KubeObject): boolean;
}

type Write<T> =
  | { readonly type: 'stored'; readonly object: T }
  | { readonly type: 'deleted'; readonly uid: string | undefined; readonly sinceMs: number };

/** More than any pass writes; beyond it, what the cache has caught up with is dropped. */
const sweepAbove = 2_048;

/**
 * What this process wrote and its cache does not show yet, laid over what the cache shows: a pass
 * never acts a second time on what the pass before it has already changed.
 */
export class OwnWrites<T extends KubeObject> {
  readonly #cache: Seen & { get(key: string): T | undefined };
  readonly #clock: Clock;
  readonly #writes = new Map<string, Write<T>>();

  constructor(cache: Seen & { get(key: string): T | undefined }, clock: Clock) {
    this.#cache = cache;
    this.#clock = clock;
  }

  /** The server answered a create, update or patch with this. */
  stored(object: T): void {
    this.#put(keyOf(object), { type: 'stored', object });
  }

  /** The server took a delete of this object, or said that it is gone. */
  deleted(object: T): void {
    const { uid } = object.metadata;
    this.#put(keyOf(object), { type: 'deleted', uid, sinceMs: this.#clock.now() });
  }

  get(key: string): T | undefined {
    return this.#current(key);
  }

  /** `known` as it will be when the cache has caught up, and what it does not show yet, if it `belongs`. */
  over(known: readonly T[], belongs: (object: T) => boolean): readonly T[] {
    const result: T[] = [];
    const shown = new Set<string>();
    for (const object of known) {
      const key = keyOf(object);
      shown.add(key);
      const current = this.#current(key);
      if (current !== undefined && belongs(current)) result.push(current);
    }
    for (const key of this.#writes.keys()) {
      if (shown.has(key)) continue;
      const current = this.#current(key);
      if (current !== undefined && belongs(current)) result.push(current);
    }
    return result;
  }

  #current(key: string): T | undefined {
    const cached = this.#cache.get(key);
    const write = this.#writes.get(key);
    if (write === undefined) return cached;
    if (write.type === 'stored') {
      if (!this.#cache.hasSeen(write.object)) return write.object;
    } else if (cached !== undefined && write.uid === cached.metadata.uid) {
      if (cached.metadata.deletionTimestamp === undefined) return deleting(cached, write.sinceMs);
    }
    this.#writes.delete(key);
    return cached;
  }

  #put(key: string, write: Write<T>): void {
    if (this.#writes.size >= sweepAbove) {
      for (const written of this.#writes.keys()) this.#current(written);
    }
    this.#writes.set(key, write);
  }
}

function deleting<T extends KubeObject>(object: T, sinceMs: number): T {
  return { ...object, metadata: { ...object.metadata, deletionTimestamp: formatTime(sinceMs) } };
}
