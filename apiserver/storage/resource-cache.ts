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

/** The key of what was changed. */
export function keyOf(event: CacheEvent): string {
  return event.type === 'put' ? event.current.key : event.previous.key;
}

/** How many changes of a kind are kept in memory, at least, where they are not large; older ones are read from the store's history. */
const maxHistory = 1_000;
/** As the objects are in the store; in memory they take several times as much. */
const maxHistoryBytes = 8 * 1024 * 1024;

export class ResourceCache {
  readonly #objects = new Map<string, Cached>();
  #keys: string[] = [];
  #history: CacheEvent[] = [];
  #historyBytes = 0;
  /** Every change of this revision and of later ones is in `#history`. */
  #historyStart: Revision;
  readonly #loadedAt: Revision;
  /** How many objects the revision has changed that was loaded; what they were before is not known. */
  #changedLast = 0;

  /** What later revisions than this one change will be told with `apply`. */
  constructor(revision: Revision) {
    this.#loadedAt = revision;
    this.#historyStart = revision + 1n;
  }

  get(key: string): Cached | undefined {
    return this.#objects.get(key);
  }

  /** Fills the cache before any watcher sees it; keys must come in order. */
  load(object: Cached): void {
    this.#objects.set(object.key, object);
    this.#keys.push(object.key);
    if (object.revision === this.#loadedAt) this.#changedLast += 1;
  }

  apply(event: CacheEvent): void {
    const key = keyOf(event);
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
    this.#historyBytes += bytesOf(event);
    const isLong = this.#history.length > 2 * maxHistory;
    if (isLong || this.#historyBytes > 2 * maxHistoryBytes) this.#forget();
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
    return since + 1n < this.#historyStart ? undefined : this.#from(since + 1n);
  }

  /** What one who has heard of revision `since`, perhaps not of all of it, still has to be told, as `after`. */
  untold(since: Revision, prefix: string): readonly CacheEvent[] | undefined {
    const isWhole = since === this.#loadedAt && this.#changedLast <= 1;
    if (since < this.#historyStart && !(isWhole && since + 1n === this.#historyStart))
      return undefined;
    return untold(
      this.#from(since).filter((event) => keyOf(event).startsWith(prefix)),
      since,
    );
  }

  /** The revision from which on memory has all changes. */
  get historyStart(): Revision {
    return this.#historyStart;
  }

  #from(revision: Revision): readonly CacheEvent[] {
    let start = this.#history.length;
    while (start > 0 && (this.#history[start - 1]?.revision ?? 0n) >= revision) start -= 1;
    return this.#history.slice(start);
  }

  /** Whole revisions only; the newest stays, however large. */
  #forget(): void {
    let [start, bytes] = [this.#history.length, 0];
    const isRoom = () => this.#history.length - start < maxHistory && bytes < maxHistoryBytes;
    while (start > 0 && isRoom()) {
      start -= 1;
      bytes += bytesOf(this.#history[start]);
    }
    this.#historyStart = this.#history[start]?.revision ?? this.#historyStart;
    const kept = this.#history.findIndex(({ revision }) => revision === this.#historyStart);
    for (const event of this.#history.splice(0, kept)) this.#historyBytes -= bytesOf(event);
  }
}

function bytesOf(event: CacheEvent | undefined): number {
  if (event === undefined) return 0;
  return event.type === 'put' ? event.current.bytes : event.previous.bytes;
}

/**
 * What one who has heard of revision `since` still has to be told. Where that changed several objects, a connection may
 * have broken between them: all but the first are told again.
 */
export function untold(events: readonly CacheEvent[], since: Revision): readonly CacheEvent[] {
  const first = events.findIndex(({ revision }) => revision >= since);
  if (first < 0) return [];
  return events.slice(events[first]?.revision === since ? first + 1 : first);
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
