/**
 * The whole store in memory, kept up to date by one watch on its root. Lists and watches are served
 * from here; a linearizable read first waits until the cache has reached the store's own revision.
 */
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import {
  type Change,
  type ChangeSet,
  type Revision,
  type Store,
  StoreError,
} from '../../store/store.ts';
import { Undecipherable } from '../encryption/sealer.ts';
import { type Cached, decodeEntry } from './cached.ts';
import { prefixOf } from './keys.ts';
import { type CacheEvent, ResourceCache } from './resource-cache.ts';
import { guarded } from './store-errors.ts';
import { Subscription } from './subscription.ts';

/** How long a fresh read waits for the cache before it fails with `Timeout`. */
const maxWaitMs = 3_000;
/** After this long the store's revision is taken to be another client's: a write of ours moves the watch on. */
const nudgeAfterMs = 50;
const pageSize = 1_000;
const retryMs = 200;
/** Written only to move the watch past revisions that other users of a shared etcd have made. */
const progressKey = 'system/progress/watch';
/** The store's own keys, which are no objects. */
const ownFolder = 'system/';

export interface SubscribeOptions {
  /** Whether all of the revision was heard of, or perhaps only the first of what it changed. */
  readonly has?: 'all' | 'some';
  readonly onSlow?: () => void;
}

export interface WatchCacheDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class WatchCache {
  readonly #deps: WatchCacheDeps;
  readonly #resources = new Map<string, ResourceCache>();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  readonly #waiters = new Set<{ readonly revision: Revision; readonly wake: () => void }>();
  readonly #stopped = new AbortController();
  readonly #expected = new Map<string, Cached>();
  #revision: Revision = 0n;
  #running: Promise<void> | undefined;
  #ready = false;

  constructor(deps: WatchCacheDeps) {
    this.#deps = deps;
  }

  /** The revision up to which the cache has seen everything. */
  get revision(): Revision {
    return this.#revision;
  }

  /** How many watches are being served; none may be left behind by clients that went. */
  get subscribers(): number {
    let count = 0;
    for (const set of this.#subscriptions.values()) count += set.size;
    return count;
  }

  /** How many objects each kind has, by its folder. */
  counts(): readonly { readonly folder: string; readonly count: number }[] {
    return [...this.#resources].map(([folder, { size }]) => ({ folder, count: size }));
  }

  /** How many objects a folder has. */
  count(folder: string): number {
    return this.#resources.get(folder)?.size ?? 0;
  }

  /** Whether the watch stands; false while the store is away. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves once the first complete list is in. */
  async start(): Promise<void> {
    await this.#relist();
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const set of this.#subscriptions.values()) for (const each of set) each.end();
    await this.#running;
  }

  /** Hands over what a write of this server has stored, so that its change is not parsed again. */
  expect(stored: Cached): void {
    if (stored.revision > this.#revision) this.#expected.set(stored.key, stored);
  }

  get(key: string): Cached | undefined {
    return this.#resources.get(prefixOf(key))?.get(key);
  }

  /** The newest version this server knows of: its own last write may be ahead of the watch. */
  newest(key: string): Cached | undefined {
    return this.#expected.get(key) ?? this.get(key);
  }

  list(prefix: string): Cached[] {
    return this.#resources.get(prefixOf(prefix))?.list(prefix) ?? [];
  }

  /** Waits until the cache is as new as the store is now; returns the cache's revision. */
  async fresh(signal: AbortSignal): Promise<Revision> {
    const newest = await guarded(() => this.#deps.store.revision({ signal }));
    await this.reach(newest, signal);
    return this.#revision;
  }

  /** Waits until the cache has reached `revision`; throws `Timeout` after three seconds. */
  async reach(revision: Revision, signal: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return;
    const { clock, store } = this.#deps;
    const given = new AbortController();
    let nudged = false;
    await new Promise<void>((resolve, reject) => {
      const waiter = { revision, wake: () => finish(resolve) };
      const finish = (then: () => void) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        given.abort();
        then();
      };
      const onAbort = () => finish(() => reject(signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      const waitOn = async () => {
        await clock.sleep(nudgeAfterMs, given.signal);
        const newest = await store.revision({ signal: given.signal });
        if (newest >= revision && !nudged) {
          nudged = true;
          await nudge(store, given.signal);
        }
        await clock.sleep(maxWaitMs - nudgeAfterMs, given.signal);
        finish(() => reject(tooLarge(revision, this.#revision)));
      };
      waitOn().catch((error) => {
        if (!given.signal.aborted) finish(() => reject(error));
      });
    });
  }

  /**
   * The changes of the objects under `prefix` that one who `has` heard of `since` is still to be told; `undefined` when
   * memory does not reach back that far (the caller then reads the store's own history). `onSlow` is called when the
   * reader has fallen too far behind and gets nothing more.
   */
  subscribe(
    prefix: string,
    since: Revision,
    { has = 'all', onSlow }: SubscribeOptions = {},
  ): Subscription | undefined {
    const kind = prefixOf(prefix);
    const resource = this.#resourceOf(kind);
    const past = has === 'all' ? resource.after(since) : resource.untold(since, prefix);
    if (past === undefined) return undefined;
    const subscription = new Subscription(prefix, (why) => {
      this.#subscriptions.get(kind)?.delete(subscription);
      if (why === 'slow') onSlow?.();
    });
    for (const event of past) subscription.push(event);
    const set = this.#subscriptions.get(kind) ?? new Set();
    set.add(subscription);
    this.#subscriptions.set(kind, set);
    return subscription;
  }

  #resourceOf(kind: string): ResourceCache {
    const present = this.#resources.get(kind);
    if (present !== undefined) return present;
    const created = new ResourceCache(this.#historyFloor);
    this.#resources.set(kind, created);
    return created;
  }

  /** The revision of the last complete list: kinds without objects have no changes since then. */
  #historyFloor: Revision = 0n;

  async #relist(): Promise<void> {
    const { store } = this.#deps;
    const { signal } = this.#stopped;
    let at: Revision | undefined;
    let after: string | undefined;
    const resources = new Map<string, ResourceCache>();
    for (;;) {
      const page = await store.list('', {
        limit: pageSize,
        signal,
        ...(at === undefined ? {} : { at }),
        ...(after === undefined ? {} : { after }),
      });
      at ??= page.revision;
      for (const entry of page.entries) {
        if (entry.key.startsWith(ownFolder)) continue;
        const kind = prefixOf(entry.key);
        const resource = resources.get(kind) ?? new ResourceCache(at);
        resources.set(kind, resource);
        resource.load(decodeEntry(entry));
      }
      after = page.entries[page.entries.length - 1]?.key;
      if (page.remaining === 0 || after === undefined) break;
    }
    this.#resources.clear();
    this.#expected.clear();
    for (const [kind, resource] of resources) this.#resources.set(kind, resource);
    this.#historyFloor = at;
    this.#advance(at);
    this.#ready = true;
  }

  /** Follows the store until stopped; a lost history is listed anew and all watchers are sent away. */
  async #follow(): Promise<void> {
    const { store, clock, log } = this.#deps;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        // What was before is in here.
        const from = { since: this.#revision, previous: false, signal };
        for await (const set of store.watch('', from)) {
          this.#ready = true;
          this.#take(set);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#ready = false;
        log.warn({ err: error }, 'watch of the store failed');
        if (error instanceof StoreError && error.reason === 'Closed') return;
        const isLost = error instanceof StoreError && error.reason === 'Compacted';
        // A change that cannot be decrypted is passed over once a list is whole: written anew, or a key added.
        if (isLost || error instanceof Undecipherable) await this.#startOver();
        await clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  }

  async #startOver(): Promise<void> {
    try {
      await this.#relist();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'list of the store failed');
      return;
    }
    for (const set of this.#subscriptions.values()) for (const each of set) each.expire();
    this.#subscriptions.clear();
  }

  #take({ revision, changes }: ChangeSet): void {
    for (const change of changes) {
      const key = change.type === 'put' ? change.entry.key : change.key;
      if (key.startsWith(ownFolder)) continue;
      const kind = prefixOf(key);
      const resource = this.#resourceOf(kind);
      const event = toEvent(change, resource.get(key), this.#expected.get(key));
      this.#expected.delete(key);
      if (event === undefined) continue;
      resource.apply(event);
      for (const each of this.#subscriptions.get(kind) ?? []) each.push(event);
    }
    this.#advance(revision);
  }

  #advance(revision: Revision): void {
    if (revision > this.#revision) this.#revision = revision;
    for (const waiter of this.#waiters) if (waiter.revision <= this.#revision) waiter.wake();
  }
}

/**
 * A change as the cache and the store's own history tell it; `undefined` for a deletion of nothing.
 * `cached` is the object before, `expected` what this server knows to have written.
 */
export function toEvent(
  change: Change,
  cached?: Cached,
  expected?: Cached,
): CacheEvent | undefined {
  const known =
    cached ?? (change.previous === undefined ? undefined : decodeEntry(change.previous));
  if (change.type === 'put') {
    const current =
      expected?.revision === change.entry.modRevision ? expected : decodeEntry(change.entry);
    return { type: 'put', revision: current.revision, current, previous: known };
  }
  return known === undefined
    ? undefined
    : { type: 'delete', revision: change.revision, previous: known };
}

async function nudge(store: Store, signal: AbortSignal): Promise<void> {
  const put = { type: 'put', key: progressKey, value: new Uint8Array() } as const;
  try {
    await store.txn({ compare: [], then: [put], otherwise: [] }, { signal });
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'NoSpace') throw error;
    // A full store still deletes, and that moves the watch on as well: reads must not need space.
    const gone = { type: 'delete', key: progressKey } as const;
    await store.txn({ compare: [], then: [gone], otherwise: [] }, { signal });
  }
}

function tooLarge(wanted: Revision, current: Revision): StatusError {
  const message = `Too large resource version: ${wanted}, current: ${current}`;
  return new StatusError(504, 'Timeout', `Timeout: ${message}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
