/**
 * One stay in office: caches filled anew by a list that is sure to contain whatever earlier holders bound, then
 * decide and bind until the lease is lost.
 */
import type {
  IPReservation,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  VM,
  Workload,
} from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import {
  namespaces,
  nodes,
  podDisruptionBudgets,
  pods,
  vms,
  workloads,
} from '../../api/resources.gen.ts';
import type { Status } from '../../api/status.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { createEventRecorder, type EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { newestOf, vmKeyOf } from '../../client/instance.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import { noMetrics } from '../../lib/metrics.ts';
import { Subscription } from '../../lib/rx.ts';
import { createTracer } from '../../lib/trace.ts';
import { Turns } from '../../lib/turns.ts';
import type { Dimensions } from '../dimensions/built-in.ts';
import { Engine } from '../engine/engine.ts';
import { controllerOf, podRequest } from '../engine/pod-request.ts';
import type { PlacementRequest } from '../engine/request.ts';
import { asksOthers, prepareFor } from '../extensions/external-dimension.ts';
import { Addresses } from './addresses.ts';
import { Bell } from './bell.ts';
import { bind, bindingsMax, partsOf, scheduledEvent, type Term } from './binder.ts';
import type { Candidate } from './candidate.ts';
import { Cluster, isBound, isFinished } from './cluster.ts';
import { type Decided, Decider } from './decider.ts';
import { Flights } from './flights.ts';
import { Gangs, gangOf } from './gangs.ts';
import { LateVolumes } from './late-volumes.ts';
import { type PendingPod, PendingPods } from './pending-pods.ts';
import { Preemptor } from './preemptor.ts';
import { type ScheduleMetrics, scheduleMetrics } from './schedule-metrics.ts';
import { schedulerNames } from './scheduler-names.ts';
import type { SchedulerOptions } from './scheduler-options.ts';
import { storageInformers } from './storage.ts';
import { Verdicts } from './verdicts.ts';

/** A refusal because an owner is not in the cache is told only when it stays so; caches may be late. */
const silentRefusals = 3;

const tracer = createTracer('berth/scheduler');

export interface Stay {
  readonly signal: AbortSignal;
  readonly dimensions: Dimensions;
}

/** Looks at the clock at least so often. */
const idleMs = 60_000;
/** What the answers of users' own dimensions may take of a batch; who comes later waits for the next. */
const othersMs = 5_000;

export class SchedulerTerm {
  readonly #options: SchedulerOptions;
  readonly #term: Term;
  readonly #signal: AbortSignal;
  readonly #pods: Informer<Pod>;
  readonly #vms: Informer<VM>;
  readonly #nodes: Informer<Node>;
  readonly #namespaces: Informer<Namespace>;
  readonly #workloads: Informer<Workload>;
  readonly #storage: ReturnType<typeof storageInformers>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #addresses: Addresses;
  readonly #cluster: Cluster;
  readonly #engine: Engine;
  readonly #queue = new PendingPods();
  readonly #bell = new Bell();
  readonly #flights = new Flights(() => this.#bell.ring());
  readonly #subscriptions = new Subscription();
  readonly #events: EventRecorder;
  readonly #verdicts: Verdicts;
  readonly #preemptor: Preemptor;
  readonly #lateVolumes: LateVolumes;
  readonly #gangs = new Gangs();
  readonly #decider: Decider;
  readonly #metrics: ScheduleMetrics;
  readonly #turns: Turns;

  constructor(options: SchedulerOptions, term: Term, { signal, dimensions }: Stay) {
    this.#options = options;
    this.#term = term;
    this.#signal = signal;
    this.#turns = new Turns(options.clock);
    const { client } = options;
    this.#pods = createInformer<Pod>(client, pods, options);
    this.#vms = createInformer<VM>(client, vms, options);
    this.#nodes = createInformer<Node>(client, nodes, options);
    this.#namespaces = createInformer<Namespace>(client, namespaces, options);
    this.#workloads = createInformer<Workload>(client, workloads, options);
    this.#storage = storageInformers(options);
    this.#budgets = createInformer(client, podDisruptionBudgets, options);
    this.#addresses = new Addresses(options);
    this.#cluster = new Cluster(options.log, dimensions);
    this.#engine = new Engine(this.#cluster.snapshot);
    this.#events = createEventRecorder({
      ...options,
      component: 'berth-scheduler',
      together: true,
    });
    const find = (key: string) => this.#find(key);
    const reporting = { ...options, find, events: this.#events };
    this.#verdicts = new Verdicts(reporting, signal);
    const help = () => {
      this.#queue.help();
      this.#bell.ring();
    };
    this.#metrics = scheduleMetrics(options.metrics ?? noMetrics, () => this.#queue.size);
    const { preempted } = this.#metrics;
    const preempting = { ...reporting, term, cluster: this.#cluster, help, preempted };
    this.#preemptor = new Preemptor(preempting, signal);
    this.#lateVolumes = new LateVolumes({ ...reporting, term, cluster: this.#cluster });
    this.#decider = new Decider({
      ...options,
      engine: this.#engine,
      cluster: this.#cluster,
      queue: this.#queue,
      gangs: this.#gangs,
      preemptor: this.#preemptor,
      verdicts: this.#verdicts,
      metrics: this.#metrics,
      candidateOf: (pending) => this.#candidateOf(pending),
      find: (key) => this.#find(key),
      asksOthers: (request) => asksOthers(request, this.#cluster.snapshot),
      ask: (request) => this.#ask(request),
    });
  }

  async run(): Promise<void> {
    const signal = this.#signal;
    const { clock } = this.#options;
    this.#watch(this.#nodes, {
      applied: (node) => this.#cluster.applyNode(node),
      deleted: (node) => this.#cluster.deleteNode(node),
    });
    this.#watch(this.#namespaces, {
      applied: (namespace) => this.#cluster.applyNamespace(namespace),
      deleted: (namespace) => this.#cluster.deleteNamespace(namespace),
    });
    this.#watch(this.#pods, {
      applied: (pod, old) => this.#applyPod(pod, old),
      deleted: (pod) => this.#deletePod(pod),
    });
    this.#watch(this.#vms, {
      applied: (vm, old) => this.#applyPod(podOfVm(vm), old === undefined ? old : podOfVm(old)),
      deleted: (vm) => this.#deletePod(podOfVm(vm)),
    });
    this.#watch(this.#workloads, {
      applied: (now, old) =>
        old === undefined || now.metadata.generation !== old.metadata.generation,
      deleted: () => true,
    });
    this.#watch(this.#storage.volumes, {
      applied: (volume) => this.#cluster.volumes.apply(volume),
      deleted: (volume) => this.#cluster.volumes.delete(volume),
    });
    this.#watch(this.#storage.snapshots, {
      applied: (taken) => this.#cluster.volumes.applySnapshot(taken),
      deleted: (taken) => this.#cluster.volumes.deleteSnapshot(taken),
    });
    this.#watch(this.#budgets, {
      applied: (budget) => this.#preemptor.applyBudget(budget),
      deleted: (budget) => this.#preemptor.deleteBudget(budget),
    });
    this.#watch(this.#addresses.reservations, {
      applied: (reservation) => this.#helpWaiters(reservation),
      deleted: (reservation) => this.#helpWaiters(reservation),
    });
    // Other nodes may reach it now.
    this.#watch(this.#addresses.pools, {
      applied: (now, old) => now.metadata.generation !== old?.metadata.generation,
      deleted: () => false,
    });
    const informers = this.#informers();
    for (const informer of informers) informer.start();
    await Promise.all(informers.map((informer) => informer.untilSynced({ signal })));
    while (!signal.aborted) {
      this.#flights.check();
      const late = this.#lateVolumes;
      if (late.nextMs(clock.now()) <= clock.now()) await late.settle(signal);
      const readyMs = await this.#turns.through(this.#queue.advance(clock.now()));
      const nextMs = Math.min(readyMs, late.nextMs(clock.now()));
      const batch = this.#flights.admits(this.#queue.ready) ? this.#queue.take(bindingsMax) : [];
      const about = { 'berth.pods': batch.length };
      if (batch.length > 0) await tracer.inSpan('schedule', about, () => this.#schedule(batch));
      else await this.#bell.wait(Math.min(nextMs - clock.now(), idleMs), clock, signal);
    }
  }

  async stop(): Promise<void> {
    this.#subscriptions.unsubscribe();
    await this.#flights.settled();
    await Promise.all(this.#informers().map((informer) => informer.stop()));
    await this.#preemptor.flush();
    await this.#verdicts.flush();
    await this.#events.stop();
  }

  #informers() {
    const instances = [this.#pods, this.#vms, this.#workloads];
    const { reservations, pools } = this.#addresses;
    const around = [this.#namespaces, this.#budgets, reservations, pools];
    return [this.#nodes, ...instances, ...around, ...Object.values(this.#storage)];
  }

  /** `applied` and `deleted` say whether the change could help a pod that waits. */
  #watch<T extends KubeObject>(
    informer: Informer<T>,
    on: { applied: (object: T, old: T | undefined) => boolean; deleted: (object: T) => boolean },
  ): void {
    const subscription = informer.events.subscribe((event) => {
      if (event.type === 'init' || event.type === 'initDone') return;
      const old = event.type === 'apply' ? event.old : undefined;
      const helps =
        event.type === 'delete' ? on.deleted(event.object) : on.applied(event.object, old);
      if (helps) {
        this.#queue.help();
        this.#lateVolumes.help();
      }
      if (this.#flights.admits(this.#queue.ready)) this.#bell.ring();
    });
    this.#subscriptions.add(subscription);
  }

  #find(key: string): Pod | undefined {
    const vmKey = vmKeyOf(key);
    if (vmKey === undefined) return this.#pods.get(key);
    const vm = this.#vms.get(vmKey);
    return vm === undefined ? undefined : podOfVm(vm);
  }

  /** False: nobody else is helped. */
  #helpWaiters(reservation: IPReservation): false {
    for (const uid of this.#addresses.waitersOf(reservation)) this.#queue.helpOne(uid);
    return false;
  }

  #deletePod(pod: Pod): boolean {
    this.#queue.remove(pod.metadata.uid ?? '');
    this.#addresses.forget(pod);
    const kept = this.#preemptor.delete(pod);
    this.#gangs.delete(pod);
    this.#lateVolumes.delete(pod);
    return this.#cluster.deletePod(pod) || kept;
  }

  #applyPod(pod: Pod, old?: Pod): boolean {
    const { uid = '', deletionTimestamp } = pod.metadata;
    const helps = this.#cluster.applyPod(pod);
    const bound = isBound(pod);
    if (bound && (old === undefined || !isBound(old))) this.#queue.helpPeers();
    const ours = schedulerNames.has(pod.spec.schedulerName ?? '');
    const gated = (pod.spec.schedulingGates ?? []).length > 0;
    const waits = !bound && ours && !gated && !isFinished(pod) && deletionTimestamp === undefined;
    this.#preemptor.apply(pod, { waits, isNew: old === undefined });
    this.#gangs.apply(pod, waits);
    this.#lateVolumes.apply(pod);
    if (!waits) this.#queue.remove(uid);
    // A decided pod that is not confirmed yet stays out of the queue.
    else if (this.#cluster.snapshot.nodeOf(uid) === undefined) this.#queue.add(pod);
    return helps;
  }

  async #schedule(batch: readonly PendingPod[]): Promise<void> {
    const sinceMs = this.#options.clock.now();
    this.#cluster.volumes.beginBatch();
    const candidates = await this.#decider.candidatesOf(batch);
    const { snapshot } = this.#cluster;
    const slow = candidates.filter(({ request }) => asksOthers(request, snapshot));
    const quick = slow.length === 0 ? candidates : candidates.filter((c) => !slow.includes(c));
    const decided = await this.#decider.decide(quick);
    const written = this.#flights.launch(async () => {
      for (const part of partsOf(decided)) await this.#bind(part);
    });
    // What Volumes are held for is known once it is written.
    if (slow.length > 0 || decided.some(({ volumes }) => volumes !== undefined))
      await this.#flights.all();
    for (const candidate of slow) await this.#askAndDecide(candidate, sinceMs + othersMs);
    void written.then(() => this.#metrics.batch(this.#options.clock.now() - sinceMs));
  }

  #ask(request: PlacementRequest): Promise<void> {
    return prepareFor(request, this.#cluster.snapshot, { signal: this.#signal });
  }

  /** One by one: each piece that is given may change the next answer. */
  async #askAndDecide({ pending, request }: Candidate, untilMs: number): Promise<void> {
    const { clock } = this.#options;
    if (clock.now() >= untilMs) {
      this.#queue.again(pending.uid, clock.now());
      return;
    }
    await this.#ask(request);
    this.#cluster.volumes.beginBatch();
    // It may have changed, or gone, while others were asked.
    const candidate = this.#candidateOf(pending);
    if (candidate === undefined) return;
    for (const part of partsOf(await this.#decider.decide([candidate]))) await this.#bind(part);
  }

  /** Undefined when the pod cannot be decided now; it then waits, or is forgotten if it is gone. */
  #candidateOf(pending: PendingPod): Candidate | undefined {
    const { uid, key } = pending;
    const pod = this.#find(key);
    if (pod === undefined || pod.metadata.uid !== uid) {
      this.#queue.remove(uid);
      return undefined;
    }
    const owner = controllerOf(pod);
    const ownerKey = `${pod.metadata.namespace ?? ''}/${owner?.name ?? ''}`;
    const workload = owner?.kind === 'Workload' ? this.#workloads.get(ownerKey) : undefined;
    if (owner?.kind === 'Workload' && workload?.metadata.uid !== owner.uid) {
      const message = `Workload "${owner.name}" of this pod is not known`;
      this.#decider.refuse(pending, pending.refusals < silentRefusals ? undefined : { message });
      // Not a change that we would hear of, if it is only our cache that is behind.
      this.#queue.helpOne(uid);
      return undefined;
    }
    const reach = this.#addresses.await(pod);
    if (reach.type === 'waiting')
      return this.#awaits(pending, `waits for its address: ${reach.why}`);
    try {
      const claims = this.#cluster.volumes.want(pod);
      if (claims === 'later') return this.#awaits(pending, undefined);
      if (claims?.type === 'wait') return this.#awaits(pending, claims.message);
      const ties = { pools: reach.pools, ...(claims && { claims }) };
      const request = podRequest(pod, workload, this.#cluster.dimensions, ties);
      const gang = gangOf(pod, workload);
      return { pending, pod, request, gang, ...(claims && { volumes: claims.volumes }) };
    } catch (error) {
      this.#options.log.error({ err: error, pod: key }, 'pod not understood');
      this.#metrics.attempt('error');
      const message = `requests of this pod are not understood: ${String(error)}`;
      this.#decider.refuse(pending, { message });
      return undefined;
    }
  }

  /** An address, a Volume: most of those that wait for one have it a moment later, and are not told of it. */
  #awaits(pending: PendingPod, message: string | undefined): undefined {
    this.#metrics.attempt('unschedulable');
    const isTold = message !== undefined && pending.refusals > 0;
    this.#decider.refuse(pending, isTold ? { message } : undefined);
    if (!isTold) this.#queue.helpOne(pending.uid);
  }

  async #bind(placed: readonly Decided[]): Promise<void> {
    const { log } = this.#options;
    const bindings = placed.map(({ binding }) => binding);
    const binder = { ...this.#options, term: this.#term };
    const results = await bind(bindings, binder, this.#signal);
    let bound = 0;
    for (const [index, { pending, pod, binding }] of placed.entries()) {
      const result = results[index];
      this.#metrics.attempt(result?.type === 'failed' ? 'error' : 'scheduled');
      if (result?.type === 'failed') {
        await this.#bindingFailed(pending, pod, result.error);
        continue;
      }
      bound += 1;
      this.#queue.remove(pending.uid);
      this.#verdicts.withdraw(pending.key);
      this.#events.recordEvent(scheduledEvent(pod, pending.key, binding.nodeName));
      await this.#turns.step();
    }
    if (bound > 0) log.info({ pods: bound }, 'pods bound');
  }

  /** The pod or its node was not as we thought; what the pod is now decides how it goes on. */
  async #bindingFailed(pending: PendingPod, pod: Pod, error: Status): Promise<void> {
    const { client, clock, log } = this.#options;
    const { uid, key } = pending;
    log.warn({ pod: key, reason: error.reason, message: error.message }, 'pod not bound');
    this.#queue.wait(uid, clock.now());
    // Gone or not readable: the watch will tell.
    const now = await newestOf(client, pod, { signal: this.#signal }).catch(() => undefined);
    if (now?.metadata.uid === uid) this.#applyPod(now);
    this.#cluster.forget(uid);
    this.#queue.helpOne(uid);
    this.#queue.help(); // What was held for it is free again.
  }
}
