/** Runs a controller: informers in, keys through a queue, passes out. */

import {
  type KubeObject,
  keyOf,
  parseApiVersion,
  parseKey,
  type Resource,
} from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import { createEventRecorder, type EventRecorder } from '../../client/events.ts';
import type { InformerEvent } from '../../client/informer.ts';
import { longLived } from '../../client/long-lived.ts';
import { queueObserver } from '../../client/queue-metrics.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import { noMetrics } from '../../lib/metrics.ts';
import { createTracer } from '../../lib/trace.ts';
import type { Controller, ControllerDeps, Outcome, Watch } from './controller.ts';
import { TerminalError } from './errors.ts';
import { ensureFinalizer, finalizerOf, hasFinalizer, removeFinalizer } from './finalizer.ts';
import { OwnWrites } from './own-writes.ts';
import { type Pass, startPass } from './pass.ts';
import { type PassResult, passMetrics } from './pass-metrics.ts';
import { stalledCondition } from './status.ts';

const concurrencyDefault = 4;

const tracer = createTracer('berth/controllers');

/** Runs until `deps.signal` aborts, then waits for the passes under way. The informers must be started by the caller. */
export async function runController<T extends KubeObject>(
  controller: Controller<T>,
  deps: ControllerDeps,
): Promise<void> {
  const { clock, random, signal, informers } = deps;
  longLived(signal);
  const log = deps.log.child({ controller: controller.name });
  const events = deps.events ?? createEventRecorder({ ...deps, log, component: controller.name });
  const queue = createWorkQueue({
    clock,
    random,
    jitter: 0.1,
    observer: queueObserver(deps.metrics ?? noMetrics, controller.name),
  });
  const unsubscribe = feed(queue, controller, deps);
  const primary = informers.for<T>(controller.for);
  const runner = new Runner<T>(
    controller,
    { ...deps, log, events },
    queue,
    new OwnWrites(primary, clock),
  );
  try {
    const needed = [controller.for, ...(controller.owns ?? []), ...watched(controller)];
    await Promise.all(needed.map((resource) => informers.for(resource).untilSynced({ signal })));
    log.debug({}, 'controller started');
    const workers = Array.from({ length: controller.concurrency ?? concurrencyDefault }, () =>
      runner.work(signal),
    );
    await Promise.all(workers);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unsubscribe();
    queue.shutDown();
    if (deps.events === undefined) await events.stop();
  }
}

function watched(controller: { readonly watches?: Controller<KubeObject>['watches'] }): Resource[] {
  return (controller.watches ?? []).map(({ resource }) => resource);
}

/** Puts keys on the queue for every change that can matter. */
function feed<T extends KubeObject>(
  queue: WorkQueue,
  controller: Controller<T>,
  { informers }: ControllerDeps,
): () => void {
  const primary = informers.for<T>(controller.for);
  const addAll = () => {
    for (const object of primary.list()) queue.add(keyOf(object));
  };
  const follow = ({ resource, keys, matters }: Watch) =>
    informers.for<KubeObject>(resource).events.subscribe((event) => {
      if (event.type === 'apply' && event.old && matters?.(event.object, event.old) === false) {
        return;
      }
      // What changed while the list was away is not told one by one.
      if (event.type === 'initDone' && resource !== controller.for) addAll();
      for (const object of changed(event)) for (const key of keys(object)) queue.add(key);
    });
  const subscriptions = [
    follow({ resource: controller.for, keys: (object) => [keyOf(object)] }),
    ...(controller.owns ?? []).map((resource) =>
      follow({ resource, keys: (object) => ownerKeys(object, controller.for) }),
    ),
    ...(controller.watches ?? []).map(follow),
  ];
  addAll(); // The informers may have listed before.
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

function changed(event: InformerEvent<KubeObject>): readonly KubeObject[] {
  switch (event.type) {
    case 'init':
    case 'initDone':
      return [];
    case 'apply':
      return event.old === undefined ? [event.object] : [event.old, event.object];
    default:
      return [event.object];
  }
}

/** The key of the object that controls this one, if it is of that kind. */
function ownerKeys({ metadata }: KubeObject, owner: Resource): readonly string[] {
  const reference = metadata.ownerReferences?.find(({ controller }) => controller);
  if (reference === undefined || reference.kind !== owner.kind) return [];
  if (parseApiVersion(reference.apiVersion).group !== owner.group) return [];
  const { name } = reference;
  if (!owner.namespaced) return [name];
  return metadata.namespace === undefined ? [] : [`${metadata.namespace}/${name}`];
}

/** A full store is everybody's trouble, not this key's: it is not held against it for long. */
const fullRetryMs = 15_000;

type RunnerDeps = ControllerDeps & { readonly events: EventRecorder };

class Runner<T extends KubeObject> {
  readonly #controller: Controller<T>;
  readonly #deps: RunnerDeps;
  readonly #queue: WorkQueue;
  readonly #writes: OwnWrites<T>;
  readonly #observe: (result: PassResult, durationMs: number) => void;

  constructor(controller: Controller<T>, deps: RunnerDeps, queue: WorkQueue, writes: OwnWrites<T>) {
    this.#controller = controller;
    this.#deps = deps;
    this.#queue = queue;
    this.#writes = writes;
    this.#observe = passMetrics(deps.metrics ?? noMetrics, controller.name);
  }

  async work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const key = await this.#queue.get({ signal }).catch(() => undefined); // Aborted: ends.
      if (key === undefined) return;
      try {
        await this.#process(key);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #process(key: string): Promise<void> {
    const { clock, log, signal } = this.#deps;
    const startedMs = clock.now();
    const observe = (result: PassResult) => this.#observe(result, clock.now() - startedMs);
    try {
      const { name } = this.#controller;
      const attributes = { 'berth.key': key };
      const outcome = await tracer.inSpan(`reconcile ${name}`, attributes, () => this.#pass(key));
      this.#queue.forget(key);
      if (outcome?.requeueAfterMs === undefined) {
        observe('success');
      } else {
        this.#queue.addAfter(key, outcome.requeueAfterMs);
        observe('requeue_after');
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof TerminalError) {
        this.#queue.forget(key);
        log.warn({ key, reason: error.reason, err: error }, 'object cannot be reconciled');
        observe('terminal');
        return;
      }
      const isFull = hasReason(error, 'InsufficientStorage');
      const delayMs = this.#queue.addRateLimited(key, isFull ? { maxMs: fullRetryMs } : undefined);
      // A conflict only says that the cache is behind.
      if (hasReason(error, 'Conflict')) log.debug({ key, delayMs }, 'conflict, retrying');
      // The server says it once for all.
      else if (isFull) log.debug({ key, delayMs }, 'the store is full, retrying');
      else log.warn({ key, delayMs, err: error }, 'reconcile failed, retrying');
      observe('error');
    }
  }

  async #pass(key: string): Promise<Outcome> {
    const object = this.#writes.get(key);
    if (object === undefined) return; // Deleted: owner references do the rest.
    const pass = startPass<T>(this.#controller, this.#deps, this.#writes, object);
    if (object.metadata.deletionTimestamp !== undefined) return this.#finalize(key, pass);
    if (this.#controller.finalize !== undefined) {
      await ensureFinalizer(this.#controller, this.#deps, pass);
    }
    try {
      const outcome = await this.#controller.reconcile(parseKey(key), pass);
      await pass.clearStalled();
      if (!outcome?.incomplete) await pass.prune();
      return outcome;
    } catch (error) {
      if (error instanceof TerminalError) await pass.setStatus({}, [stalledCondition(error)]);
      throw error;
    }
  }

  async #finalize(key: string, pass: Pass<T>): Promise<Outcome> {
    if (this.#controller.deleting !== undefined) {
      return this.#controller.deleting(parseKey(key), pass);
    }
    const name = finalizerOf(this.#controller);
    if (this.#controller.finalize === undefined || !hasFinalizer(pass.object, name)) return;
    const outcome = await this.#controller.finalize(parseKey(key), pass);
    if (outcome?.requeueAfterMs !== undefined) return outcome;
    await removeFinalizer(this.#controller, this.#deps, pass);
    return undefined;
  }
}
