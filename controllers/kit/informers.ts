import type { KubeObject, Resource } from '../../api/meta.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type ListWatchInformer } from '../../client/list-watch-informer.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';

/** Index of every informer here: the uid of the object's controller. */
export const byController = 'controller';

/** One informer per kind, shared by all controllers of a process. */
export interface Informers {
  /** The informer of that kind; created, and started if the others are, on first use. */
  for<T extends KubeObject>(resource: Resource): ListWatchInformer<T>;
  /** Adds an index unless the informer has one of that name. */
  index<T extends KubeObject>(
    resource: Resource,
    name: string,
    values: (object: T) => readonly string[],
  ): void;
  start(): void;
  /** Resolves when all that exist now have listed once. */
  untilSynced(options: CallOptions): Promise<void>;
  /** Stops one kind's informer, which nobody may use any more. */
  drop(resource: Resource): Promise<void>;
  stop(): Promise<void>;
}

export interface InformersOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
}

export function createInformers({ client, ...options }: InformersOptions): Informers {
  // Each entry is used with the type its caller names for the resource.
  const informers = new Map<string, ListWatchInformer<KubeObject>>();
  const indexes = new Set<string>();
  let started = false;

  function shared(resource: Resource): ListWatchInformer<KubeObject> {
    const id = idOf(resource);
    const known = informers.get(id);
    if (known !== undefined) return known;
    const informer = createInformer<KubeObject>(client, resource, options);
    informer.addIndex(byController, (object) => controllerUids(object));
    informers.set(id, informer);
    if (started) informer.start();
    return informer;
  }

  return {
    for<T extends KubeObject>(resource: Resource) {
      return shared(resource) as ListWatchInformer<KubeObject> as ListWatchInformer<T>;
    },
    index<T extends KubeObject>(
      resource: Resource,
      name: string,
      values: (object: T) => readonly string[],
    ) {
      const id = `${idOf(resource)}#${name}`;
      if (indexes.has(id)) return;
      indexes.add(id);
      // The informer of a resource holds the type its caller names.
      shared(resource).addIndex(name, (object) => values(object as T));
    },
    start() {
      started = true;
      for (const informer of informers.values()) informer.start();
    },
    async untilSynced(call) {
      await Promise.all([...informers.values()].map((informer) => informer.untilSynced(call)));
    },
    async drop(resource) {
      const informer = informers.get(idOf(resource));
      informers.delete(idOf(resource));
      for (const id of indexes) if (id.startsWith(`${idOf(resource)}#`)) indexes.delete(id);
      await informer?.stop();
    },
    async stop() {
      await Promise.all([...informers.values()].map((informer) => informer.stop()));
    },
  };
}

function idOf({ group, version, resource }: Resource): string {
  return `${group}/${version}/${resource}`;
}

function controllerUids(object: KubeObject): readonly string[] {
  const owner = object.metadata.ownerReferences?.find((reference) => reference.controller);
  return owner === undefined ? [] : [owner.uid];
}
