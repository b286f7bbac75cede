/**
 * One kind's objects in memory: listed once, then kept up to date by watches that resume where the
 * last one ended. It never ends by itself: every error is logged and tried again with backoff.
 */
import { type KubeObject, keyOf, type Resource } from '../api/meta.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import { Observable } from '../lib/rx.ts';
import { Turns } from '../lib/turns.ts';
import { backoffMs } from './backoff.ts';
import type { Client } from './client.ts';
import { guardEvents } from './guarded-events.ts';
import { IndexedObjects } from './indexed-objects.ts';
import type { Informer, InformerEvent } from './informer.ts';
import { longLived } from './long-lived.ts';
import { isExpired } from './rest-client.ts';
import { watchdog } from './watchdog.ts';

export interface InformerOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /** A watch without event or bookmark for so long is started anew; default 60 s. */
  readonly silenceMs?: number;
  /** Keeps `metadata.managedFields`, which nobody reads as a rule and which is half of an object. */
  readonly keepManagedFields?: boolean;
}

/** An informer that also knows up to which revision it has seen. */
export interface ListWatchInformer<T extends KubeObject> extends Informer<T> {
  /** Whether this version of the object, or what came of it, is in the cache. */
  hasSeen(object: KubeObject): boolean;
  /** Resolves when it is: reads of one's own writes. */
  untilSeen(object: KubeObject, options: CallOptions): Promise<void>;
}

const backoff = { baseMs: 250, maxMs: 30_000, jitter: 0.5 };

/** The server is asked to end watches after 5 to 10 minutes, so that load spreads over apiservers. */
const watchSecondsMin = 300;

/** A watch that lived so long, or brought anything, was not a failure. */
const healthyWatchMs = 5_000;

export function createInformer<T extends KubeObject>(
  client: Client,
  resource: Resource,
  options: InformerOptions,
): ListWatchInformer<T> {
  return new ListWatch<T>(client, resource, options);
}

/** Objects of a list that are told of in one part. */
const partSize = 16;

interface Waiter {
  readonly until: () => boolean;
  readonly resolve: () => void;
}

class ListWatch<T extends KubeObject> implements ListWatchInformer<T> {
  readonly resource: Resource;
  readonly events: Observable<InformerEvent<T>>;
  readonly #client: Client;
  readonly #options: InformerOptions;
  readonly #log: Log;
  readonly #objects = new IndexedObjects<T>();
  readonly #sinks = new Set<(event: InformerEvent<T>) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #synced = false;
  /** Where the next watch begins; undefined = list first. */
  #revision: string | undefined;
  /** What was heard of that revision, which may have changed several objects. */
  #heard: 'all' | Set<string> = 'all';

  constructor(client: Client, resource: Resource, options: InformerOptions) {
    this.#client = client;
    this.resource = resource;
    this.#options = options;
    this.#log = options.log.child({ informer: resource.resource });
    const source = new Observable<InformerEvent<T>>((subscriber) => {
      const sink = (event: InformerEvent<T>) => subscriber.next(event);
      this.#sinks.add(sink);
      return () => this.#sinks.delete(sink);
    });
    this.events = guardEvents(source, this.#log);
  }

  get synced(): boolean {
    return this.#synced;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return this.#objects.list();
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#objects.byIndex(index, value);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    this.#objects.addIndex(name, values);
  }

  hasSeen(object: KubeObject): boolean {
    if (!this.#synced || this.#revision === undefined) return false;
    const { resourceVersion = '0' } = object.metadata;
    if (this.#revision !== resourceVersion) return isAtLeast(this.#revision, resourceVersion);
    return this.#heard === 'all' || this.#heard.has(keyOf(object));
  }

  untilSynced({ signal }: CallOptions): Promise<void> {
    return this.#until(() => this.#synced, signal);
  }

  untilSeen(object: KubeObject, { signal }: CallOptions): Promise<void> {
    return this.#until(() => this.hasSeen(object), signal);
  }

  start(): void {
    this.#loop ??= this.#run(longLived(this.#stop.signal));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the informer was stopped'));
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = this.#options.clock.now();
      const revisionBefore = this.#revision;
      let failure: unknown;
      try {
        if (this.#revision === undefined) await this.#relist(signal);
        await this.#watch(this.#revision ?? '', signal);
      } catch (error) {
        if (signal.aborted) return;
        failure = error;
        // Also a watch that is not served any more must list again before it can be trusted.
        if (isExpired(error)) this.#revision = undefined;
      }
      // A list that succeeds is not yet progress: its watch may be refused again and again.
      const moved = revisionBefore !== undefined && this.#revision !== revisionBefore;
      const lastedMs = this.#options.clock.now() - startedMs;
      const healthy = (moved && this.#revision !== undefined) || lastedMs >= healthyWatchMs;
      failures = healthy ? 0 : failures + 1;
      const delayMs = failures === 0 ? 0 : backoffMs(failures, backoff, this.#options.random);
      this.#report(failure, failures, delayMs);
      await this.#options.clock.sleep(delayMs, signal).catch(() => {}); // Aborted: the loop ends.
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const list = await this.#client.list<T>(this.resource, { ...this.#scope(), signal });
    const turns = new Turns(this.#options.clock);
    const gone = await turns.through(this.#objects.replace(this.#slimmed(list.items)));
    await turns.through(this.#tell(gone, signal));
    // Whoever waits for it may look at what others made of it.
    this.#revision = list.resourceVersion;
    this.#heard = 'all';
    this.#synced = true;
    this.#wake();
  }

  /** Of a list, with pauses: there may be hundreds of thousands, and whoever hears of one has work with it. */
  *#tell(gone: readonly T[], signal: AbortSignal): Generator<undefined, void> {
    yield* this.#each(gone, signal, (object) => ({ type: 'delete', object }));
    this.#emit({ type: 'init' });
    yield* this.#each(this.#objects.list(), signal, (object) => ({ type: 'initApply', object }));
    this.#emit({ type: 'initDone' });
  }

  *#each(
    objects: readonly T[],
    signal: AbortSignal,
    eventOf: (object: T) => InformerEvent<T>,
  ): Generator<undefined, void> {
    for (const [i, object] of objects.entries()) {
      this.#emit(eventOf(object));
      if (i % partSize !== partSize - 1) continue;
      yield;
      signal.throwIfAborted();
    }
  }

  *#slimmed(items: readonly T[]): Generator<T, void> {
    for (const item of items) yield this.#slim(item);
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { clock, random, silenceMs = 60_000 } = this.#options;
    const dog = watchdog(silenceMs, clock, signal);
    try {
      const events = this.#client.watch<T>(this.resource, {
        ...this.#scope(),
        resourceVersion,
        timeoutSeconds: Math.round(watchSecondsMin * (1 + random.fraction())),
        signal: dog.signal,
      });
      for await (const event of events) {
        dog.reset();
        if (event.type === 'BOOKMARK') this.#advance(event.resourceVersion);
        else this.#change(event.type, event.object);
      }
    } finally {
      dog.stop();
    }
  }

  #change(type: 'ADDED' | 'MODIFIED' | 'DELETED', received: T): void {
    const object = this.#slim(received);
    const key = keyOf(object);
    const old = type === 'DELETED' ? this.#objects.delete(key) : this.#objects.set(key, object);
    this.#advance(object.metadata.resourceVersion ?? '', key);
    if (type !== 'DELETED') {
      this.#emit(old === undefined ? { type: 'apply', object } : { type: 'apply', object, old });
    } else if (old !== undefined) {
      this.#emit({ type: 'delete', object });
    }
  }

  /** To all of a revision, or to one object's change of it. */
  #advance(revision: string, key?: string): void {
    if (revision === '') return;
    if (key === undefined) this.#heard = 'all';
    else if (revision !== this.#revision) this.#heard = new Set([key]);
    else if (this.#heard !== 'all') this.#heard.add(key);
    this.#revision = revision;
    this.#wake();
  }

  #emit(event: InformerEvent<T>): void {
    for (const sink of [...this.#sinks]) sink(event);
  }

  #slim(object: T): T {
    if (this.#options.keepManagedFields || object.metadata.managedFields === undefined) {
      return object;
    }
    const { managedFields: _, ...metadata } = object.metadata;
    return { ...object, metadata };
  }

  #scope(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  #report(failure: unknown, failures: number, delayMs: number): void {
    const revision = this.#revision;
    if (failure === undefined) this.#log.debug({ revision }, 'watch ended, resuming');
    else if (isExpired(failure)) this.#log.debug({ err: failure }, 'watch expired, listing again');
    else this.#log.warn({ err: failure, failures, delayMs, revision }, 'watch failed, retrying');
  }

  #until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    if (condition()) return Promise.resolve();
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        until: condition,
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.until()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** Revisions are decimal numbers of any length. */
function isAtLeast(revision: string, wanted: string): boolean {
  if (revision.length !== wanted.length) return revision.length > wanted.length;
  return revision >= wanted;
}
