/** One kind's objects in key order, and its latest changes, for lists and watches. */
import type { Revision } from '../../store/store.ts';
import type { Cached } from './cached.ts';

export type CacheEvent =
  | {
      readonly type: 'put';
      readonly revision: Revision;
      readonly current: Cached;
      readonly previous: Cached | undefined;
    }
  /** `previous` is the object as it was; its deletion took `revision`. */
  | { readonly type: 'delete'; readonly revision: Revision; readonly previous: Cached };

/** How many changes of a kind are kept in memory; older ones are read from the store's history. */
const maxHistory = 1_000;

export class ResourceCache {
  readonly #objects = new Map<string, Cached>();
  #keys: string[] = [];
  #history: CacheEvent[] = [];
  /** Every change after this revision is in `#history`. */
  #historyStart: Revision;

  constructor(revision: Revision) {
    this.#historyStart = revision;
  }

  get(key: string): Cached | undefined {
    return this.#objects.get(key);
  }

  /** Fills the cache before any watcher sees it; keys must come in order. */
  load(object: Cached): void {
    this.#objects.set(object.key, object);
    this.#keys.push(object.key);
  }

  apply(event: CacheEvent): void {
    const key = event.type === 'put' ? event.current.key : event.previous.key;
    const index = lowerBound(this.#keys, key);
    const present = this.#keys[index] === key;
    if (event.type === 'put') {
      if (!present) this.#keys.splice(index, 0, key);
      this.#objects.set(key, event.current);
    } else {
      if (present) this.#keys.splice(index, 1);
      this.#objects.delete(key);
    }
    this.#history.push(event);
    if (this.#history.length > 2 * maxHistory) {
      const dropped = this.#history.splice(0, maxHistory);
      const last = dropped[dropped.length - 1];
      if (last !== undefined) this.#historyStart = last.revision;
    }
  }

  /** How many objects there are. */
  get size(): number {
    return this.#objects.size;
  }

  /** All objects whose key starts with `prefix`, in key order. */
  list(prefix: string): Cached[] {
    const found: Cached[] = [];
    for (let i = lowerBound(this.#keys, prefix); i < this.#keys.length; i += 1) {
      const key = this.#keys[i];
      if (key === undefined || !key.startsWith(prefix)) break;
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** The changes after `since`, or `undefined` when memory does not reach back that far. */
  after(since: Revision): readonly CacheEvent[] | undefined {
    if (since < this.#historyStart) return undefined;
    let start = this.#history.length;
    while (start > 0 && (this.#history[start - 1]?.revision ?? 0n) > since) start -= 1;
    return this.#history.slice(start);
  }

  /** The revision before which memory has no changes. */
  get historyStart(): Revision {
    return this.#historyStart;
  }
}

/** Keys are compared by UTF-16 code unit; they are ASCII, so this is the store's byte order. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
