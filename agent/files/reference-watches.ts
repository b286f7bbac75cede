/** Watches of the ConfigMaps and Secrets whose content pods show as files: these and no others. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { configMaps, secrets } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import type { Informer, InformerEvent } from '../../client/informer.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';

/** Objects watched at once by one node; whatever is beyond is read when a container starts. */
const watchesMax = 1_000;

export interface ReferenceWatchesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told the uid of each pod that shows what has changed, or may have. */
  readonly changed: (uid: string) => void;
}

interface Reference {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
}

interface Watched {
  readonly uids: Set<string>;
  /** Absent for what can never change. */
  informer?: Informer<KubeObject>;
}

export class ReferenceWatches {
  readonly #options: ReferenceWatchesOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #ending = new Set<Promise<void>>();
  #full = false;

  constructor(options: ReferenceWatchesOptions) {
    this.#options = options;
  }

  /** Watches what these pods name, and nothing else any more. */
  follow(pods: readonly Pod[]): void {
    const wanted = new Map<string, { reference: Reference; uids: Set<string> }>();
    for (const pod of pods) {
      for (const reference of referencesOf(pod)) {
        const key = `${reference.resource.kind}/${reference.namespace}/${reference.name}`;
        const entry = wanted.get(key) ?? { reference, uids: new Set() };
        wanted.set(key, entry);
        entry.uids.add(pod.metadata.uid ?? '');
      }
    }
    for (const [key, watched] of this.#watched) {
      if (wanted.has(key)) continue;
      this.#watched.delete(key);
      this.#end(watched);
    }
    for (const [key, { reference, uids }] of wanted) {
      const known = this.#watched.get(key);
      if (known === undefined) this.#watch(key, reference, uids);
      else {
        known.uids.clear();
        for (const uid of uids) known.uids.add(uid);
      }
    }
  }

  /** Ends all watches and waits for them. */
  async stop(): Promise<void> {
    this.follow([]);
    await Promise.all(this.#ending);
  }

  #watch(key: string, { resource, namespace, name }: Reference, uids: Set<string>): void {
    const { client, clock, random, log } = this.#options;
    const full = this.#watched.size >= watchesMax;
    if (full && !this.#full) log.warn({ watchesMax }, 'too many ConfigMaps and Secrets to follow');
    this.#full = full;
    if (full) return;
    const fieldSelector = `metadata.name=${name}`;
    const options = { namespace, fieldSelector, clock, random, log };
    const informer = createInformer<KubeObject>(client, resource, options);
    const watched: Watched = { uids, informer };
    this.#watched.set(key, watched);
    informer.events.subscribe((event) => this.#heard(watched, event));
    informer.start();
  }

  #heard(watched: Watched, event: InformerEvent<KubeObject>): void {
    if (event.type === 'init' || event.type === 'initApply') return;
    for (const uid of watched.uids) this.#options.changed(uid);
    const [object] = watched.informer?.list() ?? [];
    // Nobody can change it, and whoever makes another of that name does not mean who runs with this.
    if (object !== undefined && 'immutable' in object && object.immutable === true)
      this.#end(watched);
  }

  #end(watched: Watched): void {
    const ended = watched.informer?.stop();
    delete watched.informer;
    if (ended === undefined) return;
    this.#ending.add(ended);
    void ended.finally(() => this.#ending.delete(ended));
  }
}

function referencesOf({ metadata, spec, status }: Pod): readonly Reference[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  const { namespace = '' } = metadata;
  const references: Reference[] = [];
  const add = (resource: Resource, name: string | undefined) => {
    if (name !== undefined && name !== '') references.push({ resource, namespace, name });
  };
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    add(configMaps, configMap?.name);
    add(secrets, secret?.secretName);
    for (const source of projected?.sources ?? []) {
      add(configMaps, source.configMap?.name);
      add(secrets, source.secret?.name);
    }
  }
  return references;
}
