/** Follows discovery: an informer for every kind that can be listed, watched and deleted. */
import type { KubeObject, Resource } from '../../api/meta.ts';
import type { Client } from '../../client/client.ts';
import { discoverResources } from '../../client/discovery.ts';
import type { InformerEvent } from '../../client/informer.ts';
import type { ListWatchInformer } from '../../client/list-watch-informer.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Informers } from '../kit/informers.ts';

/** Index of every informer here: the uids of all owners. */
const byOwner = 'owner';

/** A kind that cannot be listed for so long does not hold up the collection of the others. */
const syncPatienceMs = 30_000;

/** Kinds that own nothing and are owned by nobody, and change all the time. */
const ignored = new Set(['/events', 'events.k8s.io/events']);

export interface Found {
  readonly resource: Resource;
  readonly object: KubeObject;
}

type Listener = (resource: Resource, event: InformerEvent<KubeObject>) => void;

interface Kind {
  readonly resource: Resource;
  readonly informer: ListWatchInformer<KubeObject>;
  readonly sinceMs: number;
  unsubscribe(): void;
}

export interface KindsOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Log;
  readonly onEvent: Listener;
}

export class Kinds {
  readonly #options: KindsOptions;
  readonly #kinds = new Map<string, Kind>();

  constructor(options: KindsOptions) {
    this.#options = options;
  }

  /** Reads discovery again; adds and drops informers. */
  async refresh(call: CallOptions): Promise<void> {
    const { client, log } = this.#options;
    const found = (await discoverResources(client, call)).filter(
      ({ verbs, group, resource }) =>
        ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) &&
        !ignored.has(`${group}/${resource}`),
    );
    const ids = new Set(found.map(idOf));
    for (const [id, kind] of this.#kinds) {
      if (ids.has(id)) continue;
      kind.unsubscribe();
      this.#kinds.delete(id);
      await this.#options.informers.drop(kind.resource);
      log.info({ kind: id }, 'kind not collected any more');
    }
    for (const { verbs: _, ...resource } of found) {
      if (!this.#kinds.has(idOf(resource))) this.#add(resource);
    }
  }

  /** Whether every kind's objects are known, or have been unknowable for long. */
  get synced(): boolean {
    const nowMs = this.#options.clock.now();
    return [...this.#kinds.values()].every(
      ({ informer, sinceMs }) => informer.synced || nowMs - sinceMs > syncPatienceMs,
    );
  }

  /** The kind that an owner reference means. */
  resourceOf(group: string, kind: string): Resource | undefined {
    for (const { resource } of this.#kinds.values()) {
      if (resource.group === group && resource.kind === kind) return resource;
    }
    return undefined;
  }

  get(resource: Resource, key: string): KubeObject | undefined {
    return this.#kinds.get(idOf(resource))?.informer.get(key);
  }

  /** Objects of any kind that name this uid as an owner. */
  dependents(uid: string): readonly Found[] {
    const found: Found[] = [];
    for (const { resource, informer } of this.#kinds.values()) {
      for (const object of informer.byIndex(byOwner, uid)) found.push({ resource, object });
    }
    return found;
  }

  stop(): void {
    for (const kind of this.#kinds.values()) kind.unsubscribe();
  }

  #add(resource: Resource): void {
    const { informers, onEvent, clock } = this.#options;
    informers.index(resource, byOwner, ({ metadata }) =>
      (metadata.ownerReferences ?? []).map(({ uid }) => uid),
    );
    const informer = informers.for<KubeObject>(resource);
    const subscription = informer.events.subscribe((event) => onEvent(resource, event));
    const unsubscribe = () => subscription.unsubscribe();
    this.#kinds.set(idOf(resource), { resource, informer, sinceMs: clock.now(), unsubscribe });
    // Shared with others, it may have listed before we came.
    for (const object of informer.list()) onEvent(resource, { type: 'initApply', object });
  }
}

function idOf({ group, resource }: Resource): string {
  return `${group}/${resource}`;
}
