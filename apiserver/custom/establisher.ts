/** Follows CustomResourceDefinitions in the store and serves their kinds; one worker per definition. */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { Registry } from '../registry/registry.ts';
import { type Cached, metaString } from '../storage/cached.ts';
import { kindPrefix } from '../storage/keys.ts';
import { crds, definitionOf, type SettleDeps, settle } from './settle.ts';

const retryMs = 500;

export type EstablisherDeps = SettleDeps;

/** Serves what is stored already; call before the server listens. */
export function loadDefinitions({ objects, registry }: EstablisherDeps): void {
  for (const crd of objects.cache.list(kindPrefix(crds))) serveIfAccepted(crd, registry);
}

/** Follows definitions until `signal` aborts; resolves when all its work has ended. */
export async function runEstablisher(deps: EstablisherDeps, signal: AbortSignal): Promise<void> {
  const { objects, log, clock } = deps;
  const workers = new Workers(deps, signal);
  while (!signal.aborted) {
    const subscription = objects.cache.subscribe(kindPrefix(crds), objects.cache.revision);
    const stop = () => subscription?.end();
    signal.addEventListener('abort', stop, { once: true });
    for (const crd of objects.cache.list(kindPrefix(crds))) workers.offer(crd);
    for await (const events of subscription ?? [])
      for (const event of events) {
        if (event.type === 'delete') retire(event.previous, deps.registry);
        else workers.offer(event.current);
      }
    signal.removeEventListener('abort', stop);
    if (signal.aborted) break;
    log.warn({}, 'watch of definitions ended, starting again');
    await clock.sleep(retryMs, signal).catch(() => undefined);
  }
  await workers.idle();
}

/** Settles each definition in its own time, so that one that waits for its objects holds up no other. */
class Workers {
  readonly #deps: SettleDeps;
  readonly #signal: AbortSignal;
  readonly #newest = new Map<string, Cached>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(deps: SettleDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  offer(crd: Cached): void {
    this.#newest.set(crd.key, crd);
    if (!this.#running.has(crd.key)) this.#running.set(crd.key, this.#run(crd.key));
  }

  async idle(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #run(key: string): Promise<void> {
    for (;;) {
      const crd = this.#newest.get(key);
      if (crd === undefined || this.#signal.aborted) break;
      this.#newest.delete(key);
      await settle(this.#deps, crd, this.#signal);
    }
    this.#running.delete(key);
  }
}

function retire(crd: Cached, registry: Registry): void {
  const { group, names } = definitionOf(crd.object);
  if (registry.hasCustom(group, names.plural)) registry.removeCustom(group, names.plural);
}

function serveIfAccepted(crd: Cached, registry: Registry): void {
  const established = asArray(at(crd.object, 'status', 'conditions'))
    .map(asObject)
    .some((each) => asString(each?.['type']) === 'Established' && each?.['status'] === 'True');
  if (!established) return;
  const terminating = metaString(crd.object, 'deletionTimestamp') !== '';
  registry.setCustom(definitionOf(crd.object), { terminating });
}
