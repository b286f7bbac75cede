/**
 * The cluster as an adviser sees it: caches that begin with the first question, are kept current while questions come,
 * and go when none has come for a while. Every server of a plane has its own, whoever holds the scheduler's lease.
 */

import type {
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
import { podOfVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import { vmKeyOf } from '../../client/instance.ts';
import { createInformer, type ListWatchInformer } from '../../client/list-watch-informer.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { Subscription } from '../../lib/rx.ts';
import { Addresses } from '../controller/addresses.ts';
import { Cluster, isBound, isFinished } from '../controller/cluster.ts';
import { type Gang, Gangs } from '../controller/gangs.ts';
import { Occupants } from '../controller/occupants.ts';
import { storageInformers } from '../controller/storage.ts';
import { Engine } from '../engine/engine.ts';
import { controllerOf } from '../engine/pod-request.ts';
import type { ExtensionOptions, Extensions } from '../extensions/extensions.ts';
import type { Surroundings } from './plan.ts';
import type { Stock } from './supplies.ts';

export interface ViewOptions extends ExtensionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** An index over pods: the uid of what controls them. */
const byOwner = 'owner';

export class View {
  readonly cluster: Cluster;
  readonly #extensions: Extensions;
  readonly engine: Engine;
  readonly addresses: Addresses;
  readonly occupants = new Occupants();
  readonly gangs = new Gangs();
  readonly stock: Stock;
  readonly #pods: ListWatchInformer<Pod>;
  readonly #vms: ListWatchInformer<VM>;
  readonly #nodes: ListWatchInformer<Node>;
  readonly #namespaces: ListWatchInformer<Namespace>;
  readonly #workloads: ListWatchInformer<Workload>;
  readonly #storage: ReturnType<typeof storageInformers>;
  readonly #budgets: ListWatchInformer<PodDisruptionBudget>;
  readonly #subscriptions = new Subscription();

  constructor(options: ViewOptions, extensions: Extensions) {
    this.#extensions = extensions;
    const { client } = options;
    this.addresses = new Addresses(options);
    this.cluster = new Cluster(options.log, extensions.dimensions);
    this.engine = new Engine(this.cluster.snapshot);
    this.#pods = createInformer<Pod>(client, pods, options);
    this.#vms = createInformer<VM>(client, vms, options);
    this.#nodes = createInformer<Node>(client, nodes, options);
    this.#namespaces = createInformer<Namespace>(client, namespaces, options);
    this.#workloads = createInformer<Workload>(client, workloads, options);
    this.#storage = storageInformers(options);
    this.#budgets = createInformer(client, podDisruptionBudgets, options);
    this.stock = {
      pool: (name) => this.addresses.pools.get(name),
      reservation: (key) => this.addresses.reservations.get(key),
      volume: (key) => this.cluster.volumes.get(key),
      snapshot: (key) => this.cluster.volumes.snapshot(key),
    };
    this.#pods.addIndex(byOwner, (pod) => [controllerOf(pod)?.uid ?? '']);
    this.#follow(
      this.#nodes,
      (node) => this.cluster.applyNode(node),
      (node) => this.cluster.deleteNode(node),
    );
    this.#follow(
      this.#namespaces,
      (namespace) => this.cluster.applyNamespace(namespace),
      (namespace) => this.cluster.deleteNamespace(namespace),
    );
    this.#follow(
      this.#pods,
      (pod) => this.#applyInstance(pod),
      (pod) => this.#deleteInstance(pod),
    );
    this.#follow(
      this.#vms,
      (vm) => this.#applyInstance(podOfVm(vm)),
      (vm) => this.#deleteInstance(podOfVm(vm)),
    );
    this.#follow(
      this.#budgets,
      (budget) => this.occupants.applyBudget(budget),
      (budget) => this.occupants.deleteBudget(budget),
    );
    this.#follow(
      this.#storage.volumes,
      (volume) => this.cluster.volumes.apply(volume),
      (volume) => this.cluster.volumes.delete(volume),
    );
    this.#follow(
      this.#storage.snapshots,
      (taken) => this.cluster.volumes.applySnapshot(taken),
      (taken) => this.cluster.volumes.deleteSnapshot(taken),
    );
    for (const informer of this.#informers) informer.start();
  }

  get #informers() {
    const { reservations, pools } = this.addresses;
    const instances = [this.#pods, this.#vms, this.#workloads, this.#budgets];
    const storage = Object.values(this.#storage);
    return [this.#nodes, this.#namespaces, ...instances, ...storage, reservations, pools];
  }

  /** Aborts when its dimensions are not those of the objects any more. */
  get outdated(): AbortSignal {
    return this.#extensions.changed;
  }

  /** Resolves when all of it is there. */
  async untilReady(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.untilSynced({ signal })));
  }

  /** Resolves when `object`, as it was read elsewhere, is in the caches. */
  async untilSeen(object: KubeObject, signal: AbortSignal): Promise<void> {
    const informer = this.#informers.find(({ resource }) => resource.kind === object.kind);
    await informer?.untilSeen(object, { signal });
  }

  nodes(): readonly Node[] {
    return this.#nodes.list();
  }

  /** `namespace/name`. */
  workload(key: string): Workload | undefined {
    return this.#workloads.get(key);
  }

  /** What that object controls. */
  podsOf(uid: string): readonly Pod[] {
    return this.#pods.byIndex(byOwner, uid);
  }

  /** Members of a gang that wait for a node. */
  waitingOf(gang: Gang): readonly Pod[] {
    return this.gangs.waitingKeys(gang).flatMap((key) => {
      const vmKey = vmKeyOf(key);
      if (vmKey === undefined) return this.#pods.get(key) ?? [];
      const vm = this.#vms.get(vmKey);
      return vm === undefined ? [] : [podOfVm(vm)];
    });
  }

  /** What a plan looks at; `asks` as for `tryOut`. */
  surroundings(asks: Surroundings['asks']): Surroundings {
    const { engine, cluster, occupants, gangs, stock } = this;
    return {
      ...{ engine, cluster, occupants, gangs, stock, asks },
      nodes: () => this.nodes(),
      workload: (key) => this.workload(key),
      podsOf: (uid) => this.podsOf(uid),
    };
  }

  async stop(): Promise<void> {
    this.#subscriptions.unsubscribe();
    await Promise.all(this.#informers.map((informer) => informer.stop()));
    await this.#extensions.stop();
  }

  #applyInstance(pod: Pod): void {
    this.cluster.applyPod(pod);
    this.occupants.apply(pod);
    const isGone = isFinished(pod) || pod.metadata.deletionTimestamp !== undefined;
    this.gangs.apply(pod, !isBound(pod) && !isGone);
  }

  #deleteInstance(pod: Pod): void {
    this.cluster.deletePod(pod);
    this.occupants.delete(pod.metadata.uid ?? '');
    this.gangs.delete(pod);
  }

  #follow<T extends KubeObject>(
    informer: ListWatchInformer<T>,
    applied: (object: T) => unknown,
    deleted: (object: T) => unknown,
  ): void {
    const subscription = informer.events.subscribe((event) => {
      if (event.type === 'init' || event.type === 'initDone') return;
      if (event.type === 'delete') deleted(event.object);
      else applied(event.object);
    });
    this.#subscriptions.add(subscription);
  }
}
