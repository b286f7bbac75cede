/** Deletes what nobody owns any more. Source: kubernetes pkg/controller/garbagecollector. */
import { type KubeObject, keyOf, type Resource } from '../../api/meta.ts';
import { customResourceDefinitions } from '../../api/resources.gen.ts';
import type { InformerEvent } from '../../client/informer.ts';
import { longLived } from '../../client/long-lived.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import { underAny } from '../../lib/under-any.ts';
import type { ControllerDeps } from '../kit/controller.ts';
import { type CollectDeps, collect } from './collect.ts';
import { Kinds } from './kinds.ts';
import { isOrphaning, isWaiting, ownerPlace } from './owners.ts';

/** Objects looked at at once. */
const workers = 8;

/** Discovery is read again so often, and soon after a definition of a kind changed. */
const refreshMs = 30_000;
const refreshSoonMs = 1_000;
const retryMs = 2_000;

/** How soon to come back when not all kinds are known. */
const againMs = 500;

/** Runs until the signal aborts. The informers must be started by the caller. */
export async function runGarbageCollector(deps: ControllerDeps): Promise<void> {
  longLived(deps.signal);
  const collector = new GarbageCollector(deps);
  await collector.run();
}

class GarbageCollector {
  readonly #deps: ControllerDeps;
  readonly #queue: WorkQueue;
  readonly #kinds: Kinds;
  /** Kinds of the keys on the queue. */
  readonly #resources = new Map<string, Resource>();
  /** Aborts the sleep between two readings of discovery. */
  #wakeRefresh = new AbortController();

  constructor(deps: ControllerDeps) {
    const { client, informers, clock, random } = deps;
    const log = deps.log.child({ controller: 'garbage-collector' });
    this.#deps = { ...deps, log };
    this.#queue = createWorkQueue({ clock, random, jitter: 0.1, maxMs: 60_000 });
    this.#kinds = new Kinds({
      client,
      informers,
      clock,
      log,
      onEvent: (resource, event) => this.#onEvent(resource, event),
    });
  }

  async run(): Promise<void> {
    const { informers } = this.#deps;
    const definitions = informers
      .for<KubeObject>(customResourceDefinitions)
      .events.subscribe(() => this.#wakeRefresh.abort());
    try {
      const found = await this.#refresh();
      const loops = Array.from({ length: workers }, () => this.#work());
      await Promise.all([this.#refreshAgainAndAgain(found), ...loops]);
    } finally {
      definitions.unsubscribe();
      this.#kinds.stop();
      this.#queue.shutDown();
    }
  }

  async #refreshAgainAndAgain(found: boolean): Promise<void> {
    let succeeded = found;
    const { clock, signal } = this.#deps;
    while (!signal.aborted) {
      const rest = (any: AbortSignal) => clock.sleep(succeeded ? refreshMs : retryMs, any);
      const early = await underAny([signal, this.#wakeRefresh.signal], rest).then(
        () => false,
        () => true,
      );
      // A new kind is in discovery a moment after its definition.
      if (early && !signal.aborted) await clock.sleep(refreshSoonMs, signal).catch(() => {});
      this.#wakeRefresh = new AbortController();
      if (!signal.aborted) succeeded = await this.#refresh();
    }
  }

  /** False when it failed. */
  async #refresh(): Promise<boolean> {
    const { log, signal } = this.#deps;
    try {
      await this.#kinds.refresh({ signal });
      return true;
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'discovery failed, retrying');
      return false;
    }
  }

  async #work(): Promise<void> {
    const { signal, log } = this.#deps;
    while (!signal.aborted) {
      const item = await this.#queue.get({ signal }).catch(() => undefined); // Aborted: ends.
      if (item === undefined) return;
      const resource = this.#resources.get(item);
      try {
        if (resource !== undefined) await this.#collect(resource, item);
      } catch (error) {
        if (!signal.aborted) {
          const delayMs = this.#queue.addRateLimited(item);
          log.debug({ item, delayMs, err: error }, 'not collected, retrying');
        }
      } finally {
        this.#queue.done(item);
      }
    }
  }

  async #collect(resource: Resource, item: string): Promise<void> {
    const { client, log, signal } = this.#deps;
    const deps: CollectDeps = {
      kinds: this.#kinds,
      client,
      log,
      signal,
      enqueue: (kind, object) => this.#enqueue(kind, object),
    };
    const key = item.slice(item.indexOf('|') + 1);
    const result = await collect(deps, resource, key);
    this.#queue.forget(item);
    if (result === 'again') this.#queue.addAfter(item, againMs);
    else if (this.#kinds.get(resource, key) === undefined) this.#resources.delete(item);
  }

  #onEvent(resource: Resource, event: InformerEvent<KubeObject>): void {
    if (event.type === 'init' || event.type === 'initDone') return;
    const { object } = event;
    const old = event.type === 'apply' ? event.old : undefined;
    const { ownerReferences = [], uid = '' } = object.metadata;
    if (event.type === 'delete') {
      for (const found of this.#kinds.dependents(uid)) this.#enqueue(found.resource, found.object);
    } else if (ownerReferences.length > 0 || isWaiting(object) || isOrphaning(object)) {
      this.#enqueue(resource, object);
    }
    // An owner that began to wait: what it owns must go.
    if (isWaiting(object) && event.type !== 'delete') {
      for (const found of this.#kinds.dependents(uid)) this.#enqueue(found.resource, found.object);
    }
    // An owner may have waited for this one.
    this.#enqueueWaitingOwners(object);
    if (old !== undefined) this.#enqueueWaitingOwners(old);
  }

  #enqueueWaitingOwners(object: KubeObject): void {
    for (const reference of object.metadata.ownerReferences ?? []) {
      const place = ownerPlace(this.#kinds, object, reference);
      if (place === undefined || place === 'impossible') continue;
      const owner = this.#kinds.get(place.resource, keyOf({ metadata: place.key }));
      if (owner !== undefined && isWaiting(owner)) this.#enqueue(place.resource, owner);
    }
  }

  #enqueue(resource: Resource, object: KubeObject): void {
    const { group, version, resource: plural } = resource;
    const item = `${group}/${version}/${plural}|${keyOf(object)}`;
    this.#resources.set(item, resource);
    this.#queue.add(item);
  }
}
