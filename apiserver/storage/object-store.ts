/** Objects over the store: one optimistic transaction per write, reads through the watch cache. */
import type { JsonObject, ObjectKey } from '../../api/meta.ts';
import { type ListPage, type Operation, type Revision, StoreError } from '../../store/store.ts';
import type { SealedStore } from '../encryption/sealed-store.ts';
import { type Cached, decodeEntry, encodeForStore, fromObject } from './cached.ts';
import { objectKey, type StoragePlace } from './keys.ts';
import { type CacheEvent, untold } from './resource-cache.ts';
import { guarded } from './store-errors.ts';
import { toEvent, type WatchCache } from './watch-cache.ts';

/** What a guarded write came to. */
export type WriteResult =
  | { readonly type: 'written'; readonly stored: Cached }
  /** The key was not at the expected revision. */
  | { readonly type: 'raced' };

/** One of several writes that happen together or not at all. */
export interface GuardedWrite {
  readonly key: string;
  readonly expected: Revision;
  readonly object: JsonObject;
}

/** What must still be of that revision for a write to happen. */
export interface Guard {
  readonly key: string;
  readonly revision: Revision;
}

/** What goes into the transaction of a write. */
export interface Company {
  readonly beside?: readonly GuardedWrite[];
  readonly guards?: readonly Guard[];
}

export class ObjectStore {
  readonly #store: SealedStore;
  readonly cache: WatchCache;

  constructor(store: SealedStore, cache: WatchCache) {
    this.#store = store;
    this.cache = cache;
  }

  /** The object as of now; linearizable. Parsed only when the cache does not have this revision. */
  async get(place: StoragePlace, key: ObjectKey, signal: AbortSignal): Promise<Cached | undefined> {
    const at = objectKey(place, key);
    const entry = await guarded(() => this.#store.get(at, { signal }));
    if (entry === undefined) return undefined;
    const cached = this.cache.get(at);
    return cached?.revision === entry.modRevision ? cached : decodeEntry(entry);
  }

  /** As last heard of, which may be behind: for writes that compare its revision. */
  heardOf(place: StoragePlace, key: ObjectKey): Cached | undefined {
    return this.cache.get(objectKey(place, key));
  }

  /** Stores a new object, and `beside` with it; `raced` when one of that name exists or one of those moved on. */
  create(
    place: StoragePlace,
    key: ObjectKey,
    object: JsonObject,
    signal: AbortSignal,
    beside: readonly GuardedWrite[] = [],
  ): Promise<WriteResult> {
    return this.#put({ key: objectKey(place, key), expected: 0n, object }, signal, { beside });
  }

  /** Replaces exactly the version `old`, while nothing that is guarded has moved. */
  replace(
    old: Cached,
    object: JsonObject,
    signal: AbortSignal,
    company: Company = {},
  ): Promise<WriteResult> {
    return this.#put({ key: old.key, expected: old.revision, object }, signal, company);
  }

  /** Whether writing it again, as it is, would encrypt it otherwise than it is stored. */
  isStale({ key }: Cached, signal: AbortSignal): Promise<boolean> {
    return guarded(() => this.#store.isStale(key, { signal }));
  }

  /** Removes exactly the version `old`, as `replace`; returns the revision of the deletion. */
  async remove(
    old: Cached,
    signal: AbortSignal,
    guards: readonly Guard[] = [],
  ): Promise<Revision | undefined> {
    const result = await guarded(() =>
      this.#store.txn(
        {
          compare: [{ key: old.key, modRevision: old.revision }, ...guards.map(comparisonOf)],
          then: [{ type: 'delete', key: old.key }],
          otherwise: [],
        },
        { signal },
      ),
    );
    return result.succeeded ? result.revision : undefined;
  }

  /** All writes in one transaction, guarded by each expected revision; `undefined` when one was stale. */
  async writeAll(
    writes: readonly GuardedWrite[],
    guards: readonly Guard[],
    signal: AbortSignal,
  ): Promise<Revision | undefined> {
    const values = writes.map((each) => ({ ...each, value: encodeForStore(each.object) }));
    const then: Operation[] = values.map(({ key, value }) => ({ type: 'put', key, value }));
    const compare = [
      ...writes.map(({ key, expected }) => ({ key, modRevision: expected })),
      ...guards.map(comparisonOf),
    ];
    const { succeeded, revision } = await guarded(() =>
      this.#store.txn({ compare, then, otherwise: [], sharesRevision: true }, { signal }),
    );
    if (!succeeded) return undefined;
    for (const { key, object, value } of values)
      this.cache.expect(fromObject(key, object, revision, value.length));
    return revision;
  }

  /** One page of an exact revision, or of the newest, straight from the store. */
  listPage(
    prefix: string,
    options: { at?: Revision; limit?: number; after?: string; signal: AbortSignal },
  ): Promise<ListPage> {
    return guarded(() => this.#store.list(prefix, options));
  }

  /** The store's own history, for watches that begin before what memory holds; what is untold of `since` comes first. */
  async *history(
    prefix: string,
    since: Revision,
    signal: AbortSignal,
  ): AsyncGenerator<readonly CacheEvent[]> {
    try {
      yield* this.#historyAfter(prefix, since, since > 0n ? since - 1n : since, signal);
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'Compacted') throw error;
      // The history may begin just there. It is enough for whoever cannot have missed anything of its first revision.
      if (await this.#changedSeveral(prefix, since, signal)) throw error;
      yield* this.#historyAfter(prefix, since, since, signal);
    }
  }

  async *#historyAfter(
    prefix: string,
    heard: Revision,
    since: Revision,
    signal: AbortSignal,
  ): AsyncGenerator<readonly CacheEvent[]> {
    for await (const { changes } of this.#store.watch(prefix, { since, signal })) {
      const events = changes
        .map((change) => toEvent(change))
        .filter((event) => event !== undefined);
      const left = untold(events, heard);
      if (left.length > 0) yield left;
    }
  }

  /** Only puts share a revision, so all of them can be seen in what there was then. */
  async #changedSeveral(prefix: string, at: Revision, signal: AbortSignal): Promise<boolean> {
    const { entries } = await this.#store.list(prefix, { at, signal });
    return entries.filter(({ modRevision }) => modRevision === at).length > 1;
  }

  async #put(
    write: GuardedWrite,
    signal: AbortSignal,
    { beside = [], guards = [] }: Company,
  ): Promise<WriteResult> {
    const values = [write, ...beside].map((each) => ({
      ...each,
      value: encodeForStore(each.object),
    }));
    const result = await guarded(() =>
      this.#store.txn(
        {
          compare: [
            ...values.map(({ key, expected }) => ({ key, modRevision: expected })),
            ...guards.map(comparisonOf),
          ],
          then: values.map(({ key, value }) => ({ type: 'put', key, value })),
          otherwise: [],
          sharesRevision: true,
        },
        { signal },
      ),
    );
    if (!result.succeeded) return { type: 'raced' };
    const [stored, ...others] = values.map(({ key, object, value }) =>
      fromObject(key, object, result.revision, value.length),
    );
    for (const each of others) this.cache.expect(each);
    if (stored === undefined) throw new Error('unreachable: the object itself comes first');
    this.cache.expect(stored);
    return { type: 'written', stored };
  }
}

function comparisonOf({ key, revision }: Guard) {
  return { key, modRevision: revision };
}
