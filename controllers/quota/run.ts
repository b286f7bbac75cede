/**
 * Keeps the status of ResourceQuotas true. The server charges what is created; here is found what was
 * deleted, what has ended, and what a new or changed quota finds. Source: kubernetes pkg/controller/resourcequota.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ResourceQuota } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf, type ObjectKey, type Resource } from '../../api/meta.ts';
import { type CountedKind, isPods, kindsCounted } from '../../api/quota.ts';
import { resourceQuotas } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { findResource } from '../../client/discovery.ts';
import type { InformerEvent } from '../../client/informer.ts';
import { longLived } from '../../client/long-lived.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import { underAny } from '../../lib/under-any.ts';
import type { ControllerDeps } from '../kit/controller.ts';
import { recount } from './recount.ts';

/** Quotas counted at once. */
const workers = 2;
/** Everything is counted again so often, in case a change was not seen. */
const resyncMs = 300_000;
/** What follows so soon is counted together. */
const gatherMs = 100;
/** After a kind that is counted went away. */
const retryMs = 1_000;
/** A kind that cannot be listed does not hold up the others for longer. */
const syncMs = 5_000;

/** Runs until the signal aborts. The informers must be started by the caller. */
export async function runQuotas(deps: ControllerDeps): Promise<void> {
  longLived(deps.signal);
  await new QuotaController(deps).run();
}

interface Monitor {
  readonly resource: Resource;
  readonly subscription: { readonly closed: boolean; unsubscribe(): void };
}

class QuotaController {
  readonly #deps: ControllerDeps;
  readonly #queue: WorkQueue;
  /** What goes away of these kinds is noticed. */
  readonly #monitors = new Map<string, Monitor>();

  constructor(deps: ControllerDeps) {
    const { clock, random } = deps;
    this.#deps = { ...deps, log: deps.log.child({ controller: 'resource-quota' }) };
    this.#queue = createWorkQueue({ clock, random, jitter: 0.1, maxMs: 60_000 });
  }

  async run(): Promise<void> {
    const quotas = this.#quotas();
    const subscription = quotas.events.subscribe((event) => this.#onQuota(event));
    for (const quota of quotas.list()) this.#queue.add(keyOf(quota));
    try {
      await Promise.all(Array.from({ length: workers }, () => this.#work()));
    } finally {
      subscription.unsubscribe();
      for (const { subscription: each } of this.#monitors.values()) each.unsubscribe();
      this.#queue.shutDown();
    }
  }

  #quotas() {
    return this.#deps.informers.for<ResourceQuota>(resourceQuotas);
  }

  #onQuota(event: InformerEvent<ResourceQuota>): void {
    if (event.type !== 'apply' && event.type !== 'initApply') return;
    const { object } = event;
    const old = event.type === 'apply' ? event.old : undefined;
    // The server's own charges are right; only what they stand on is looked at.
    const taken = isDeepStrictEqual(old?.spec, object.spec) && object.status?.used !== undefined;
    if (!taken) this.#queue.add(keyOf(object));
  }

  #onObject(kind: CountedKind, event: InformerEvent<KubeObject>): void {
    const gone = event.type === 'delete';
    const ended = isPods(kind) && event.type === 'apply' && hasJustEnded(event.object, event.old);
    if (!gone && !ended) return;
    const { namespace = '' } = event.object.metadata;
    for (const quota of this.#quotas().list())
      if (quota.metadata.namespace === namespace) this.#queue.addAfter(keyOf(quota), gatherMs);
  }

  async #work(): Promise<void> {
    const { signal, log } = this.#deps;
    while (!signal.aborted) {
      const item = await this.#queue.get({ signal }).catch(() => undefined); // Aborted: ends.
      if (item === undefined) return;
      try {
        const soonMs = await this.#recount(item);
        this.#queue.forget(item);
        if (soonMs !== undefined) this.#queue.addAfter(item, Math.min(resyncMs, soonMs));
      } catch (error) {
        if (hasReason(error, 'NotFound')) this.#queue.forget(item);
        else if (!signal.aborted) {
          const delayMs = this.#queue.addRateLimited(item);
          const level = hasReason(error, 'Conflict') ? 'debug' : 'warn';
          log[level]({ key: item, delayMs, err: error }, 'quota not counted, retrying');
        }
      } finally {
        this.#queue.done(item);
      }
    }
  }

  /** When to come back; `undefined` when the quota is gone. */
  async #recount(item: string): Promise<number | undefined> {
    const quota = this.#quotas().get(item);
    if (quota === undefined) return undefined;
    const { client, clock, signal } = this.#deps;
    const kinds = kindsCounted(Object.keys(quota.spec.hard ?? {}));
    for (const kind of kinds) await this.#follow(kind);
    const { namespace = '', name = '' } = quota.metadata;
    const key: ObjectKey = { namespace, name };
    const resourceOf = (kind: CountedKind) => this.#monitors.get(idOf(kind))?.resource;
    try {
      return (await recount({ client, clock, signal, resourceOf }, key, kinds)) ?? resyncMs;
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      // The quota is gone, or a kind that it counts.
      for (const kind of kinds) this.#forget(kind);
      await client.get(resourceQuotas, key, { signal });
      return retryMs;
    }
  }

  /** From here on deletions of this kind are seen. */
  async #follow(kind: CountedKind): Promise<void> {
    const { client, informers, signal } = this.#deps;
    if (this.#monitors.get(idOf(kind))?.subscription.closed === false) return;
    // Asked each time until it is there: what is not known must not be taken for nothing.
    const wanted = { group: kind.group, resource: kind.plural };
    const found = await findResource(client, wanted, { signal });
    if (found === undefined) return;
    const { verbs, ...resource } = found;
    if (!resource.namespaced || !verbs.includes('list') || !verbs.includes('watch')) return;
    const informer = informers.for<KubeObject>(resource);
    const subscription = informer.events.subscribe((event) => this.#onObject(kind, event));
    this.#monitors.set(idOf(kind), { resource, subscription });
    const synced = (any: AbortSignal) => informer.untilSynced({ signal: any });
    await underAny([signal, AbortSignal.timeout(syncMs)], synced).catch(() => undefined); // The resync sees to it.
  }

  /** A kind may come back in another version. */
  #forget(kind: CountedKind): void {
    this.#monitors.get(idOf(kind))?.subscription.unsubscribe();
    this.#monitors.delete(idOf(kind));
  }
}

function idOf({ group, plural }: CountedKind): string {
  return `${group}/${plural}`;
}

/** Its phase has become a last one, or it has begun to go. */
function hasJustEnded(pod: KubeObject, old: KubeObject | undefined): boolean {
  const hasEnded = (object: KubeObject) => {
    const { status } = object as { readonly status?: { readonly phase?: string } }; // Of pods only.
    return status?.phase === 'Succeeded' || status?.phase === 'Failed';
  };
  const goes = (object: KubeObject) => object.metadata.deletionTimestamp !== undefined;
  if (old === undefined) return false;
  return (hasEnded(pod) && !hasEnded(old)) || (goes(pod) && !goes(old));
}
