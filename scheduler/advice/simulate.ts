/** A cluster that is only imagined: nodes, and instances that come and go. Pure. */
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { Log } from '../../lib/log.ts';
import { Cluster } from '../controller/cluster.ts';
import { gangOf } from '../controller/gangs.ts';
import { Engine } from '../engine/engine.ts';
import { allocationOf, podRequest } from '../engine/pod-request.ts';
import {
  type Allocation,
  type PlacementRequest,
  type StrategyName,
  withClassKey,
} from '../engine/request.ts';
import { type PlacementScore, scorePlacement } from '../engine/score.ts';
import { nearestClass } from './words.ts';

export interface Arrival {
  readonly pod: Pod;
  readonly workload?: Workload;
  /** Seconds; absent: at the beginning, and for ever. */
  readonly from?: number;
  readonly until?: number;
}

export interface Simulation {
  readonly nodes: readonly Node[];
  readonly arrivals: readonly Arrival[];
  /** In place of what a workload says, or Spread. */
  readonly strategy?: StrategyName;
  /** Whether instances come and go at their times; else all come in this order and stay. */
  readonly timed?: boolean;
  /** Whether instances that have a node are decided anew. */
  readonly anew?: boolean;
  /** Of nodes and instances that cannot be read. */
  readonly log: Log;
}

export interface Outcome {
  readonly instances: number;
  /** Got a node; of timed ones at any time. */
  readonly placed: number;
  /** Had a node from the beginning. */
  readonly bound: number;
  readonly unplaced: number;
  /** Of those not placed when they came: what was in the way where least was; the most frequent first. */
  readonly reasons: readonly Unplaced[];
  /** At the end; of a timed run when there were most. */
  readonly score: PlacementScore;
  readonly placements: readonly { readonly instance: string; readonly node: string }[];
}

export interface Unplaced {
  readonly reason: string;
  readonly instances: number;
  readonly example: string;
}

/** Throws `QuantityError` where a request is no quantity. */
export function simulate(simulation: Simulation): Outcome {
  const run = new Run(simulation);
  for (const node of simulation.nodes) run.cluster.applyNode(imaginary(node));
  const arrivals = simulation.arrivals.map((arrival, i) => run.waiterOf(arrival, i));
  if (simulation.timed === true) timed(run, arrivals);
  else run.arriveAll(arrivals);
  return run.outcome(arrivals);
}

/** Smallest first; whatever ends at a moment is gone before the next comes. */
function timed(run: Run, arrivals: readonly Waiter[]): void {
  const moments = arrivals.flatMap((waiter) => [
    { at: waiter.from, order: 1, act: () => run.arrive(waiter) },
    { at: waiter.until, order: 0, act: () => run.depart(waiter) },
  ]);
  moments.sort((a, b) => a.at - b.at || a.order - b.order);
  let at = Number.NaN;
  for (const moment of moments) {
    if (moment.at === Number.POSITIVE_INFINITY) break;
    if (moment.at !== at) run.retry();
    at = moment.at;
    moment.act();
  }
  run.retry();
}

interface Waiter {
  readonly name: string;
  readonly request: PlacementRequest;
  readonly from: number;
  readonly until: number;
  /** It has a node already, and keeps it. */
  readonly node: string | undefined;
  /** The devices that it has there. */
  readonly allocation: Allocation;
  readonly gang: SimulatedGang | undefined;
  placedOn: string | undefined;
}

/** Members that are placed together or not at all. */
interface SimulatedGang {
  readonly key: string;
  readonly name: string;
  readonly minMember: number;
}

class Run {
  readonly cluster: Cluster;
  readonly #engine: Engine;
  readonly #simulation: Simulation;
  readonly #waiting = new Set<Waiter>();
  readonly #reasons = new Map<string, { instances: number; example: string }>();
  /** By class of requests, the reason that was found last: there may be very many that are refused. */
  readonly #known = new Map<string, string>();
  #isRoomier = false;
  #fullest: PlacementScore | undefined;
  /** Instances there now; the score is taken when they are most. */
  #present = 0;
  #mostPresent = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.cluster = new Cluster(simulation.log);
    this.#engine = new Engine(this.cluster.snapshot);
  }

  waiterOf(arrival: Arrival, number: number): Waiter {
    const { pod, workload, from = 0, until = Number.POSITIVE_INFINITY } = arrival;
    const { strategy, anew = false } = this.#simulation;
    const { nodeName = '' } = pod.spec;
    const read = podRequest(pod, workload, this.cluster.dimensions);
    const { layout, ...plain } = read;
    const request = withClassKey({
      ...plain,
      uid: `${number}`,
      ...(strategy === undefined ? (layout === undefined ? {} : { layout }) : { strategy }),
    });
    const { name = '' } = pod.metadata;
    const namespace = pod.metadata.namespace || 'default';
    const node = nodeName === '' || anew ? undefined : nodeName;
    const allocation = allocationOf(pod);
    const label = `${namespace}/${name}`;
    const gang = simulatedGang(pod, workload);
    return { name: label, request, from, until, node, allocation, gang, placedOn: undefined };
  }

  /** One after the other; those that a layout puts on nodes together (Each, Fill), and gangs, at once. */
  arriveAll(waiters: readonly Waiter[]): void {
    for (const unit of unitsOf(waiters)) {
      const [first] = unit;
      if (first?.gang !== undefined) this.#arriveAsGang(unit, first.gang);
      else if (first?.node === undefined && first?.request.layout !== undefined) {
        this.#arriveTogether(unit);
      } else for (const waiter of unit) this.arrive(waiter);
    }
  }

  arrive(waiter: Waiter): void {
    if (waiter.node !== undefined) {
      this.cluster.assume(waiter.request, waiter.node, waiter.allocation);
      waiter.placedOn = waiter.node;
      this.#present += 1;
    } else if (!this.#place(waiter)) {
      this.#refused(waiter);
      if (waiter.until < Number.POSITIVE_INFINITY) this.#waiting.add(waiter);
    }
  }

  depart(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    const { snapshot } = this.cluster;
    const { uid } = waiter.request;
    if (snapshot.nodeOf(uid) === undefined) return;
    this.#scoreIfFuller();
    snapshot.release(uid);
    this.#isRoomier = true;
    this.#present -= 1;
  }

  /** Those that wait, in the order in which they came; each class until one of it is refused. */
  retry(): void {
    if (!this.#isRoomier) return;
    this.#isRoomier = false;
    const refused = new Set<string>();
    for (const waiter of this.#waiting) {
      const { classKey } = waiter.request;
      if (refused.has(classKey)) continue;
      if (this.#place(waiter)) this.#waiting.delete(waiter);
      else refused.add(classKey);
    }
  }

  outcome(waiters: readonly Waiter[]): Outcome {
    const bound = waiters.filter(({ node }) => node !== undefined).length;
    const have = waiters.filter(({ placedOn }) => placedOn !== undefined);
    const reasons = [...this.#reasons]
      .map(([reason, { instances, example }]) => ({ reason, instances, example }))
      .sort((a, b) => b.instances - a.instances || (a.reason < b.reason ? -1 : 1));
    this.#scoreIfFuller();
    return {
      instances: waiters.length,
      placed: have.length - bound,
      bound,
      unplaced: waiters.length - have.length,
      reasons,
      score: this.#fullest ?? scorePlacement(this.cluster.snapshot),
      placements: have.map(({ name, placedOn = '' }) => ({ instance: name, node: placedOn })),
    };
  }

  #place(waiter: Waiter): boolean {
    const placed = this.#engine.place(waiter.request);
    if (placed === undefined) return false;
    this.cluster.assume(waiter.request, placed.node, placed.allocation);
    waiter.placedOn = placed.node;
    this.#present += 1;
    return true;
  }

  #arriveTogether(waiters: readonly Waiter[]): void {
    const decisions = this.#engine.scheduleBatch(waiters.map(({ request }) => request));
    for (const [i, waiter] of waiters.entries()) {
      const decision = decisions[i];
      if (decision?.type !== 'placed') this.#refused(waiter);
      else {
        waiter.placedOn = decision.node;
        this.#present += 1;
      }
    }
  }

  #arriveAsGang(members: readonly Waiter[], { name, minMember }: SimulatedGang): void {
    const here = members.filter(({ node }) => node !== undefined);
    for (const member of here) this.arrive(member);
    const coming = members.filter(({ node }) => node === undefined);
    const placed = coming.filter((member) => this.#place(member));
    const together = here.length + placed.length;
    const isWhole = together >= minMember;
    const lacking = coming.find((member) => !placed.includes(member));
    const why = lacking === undefined ? 'no more are there' : this.#reasonOf(lacking.request);
    const of = `gang "${name}": ${together} of ${minMember} members at the same time: ${why}`;
    for (const member of isWhole ? [] : placed) {
      this.cluster.snapshot.release(member.request.uid);
      member.placedOn = undefined;
      this.#present -= 1;
    }
    for (const member of coming) {
      if (member.placedOn === undefined) this.#refused(member, isWhole ? undefined : of);
    }
  }

  #refused({ request, name }: Waiter, of?: string): void {
    const reason = of ?? this.#known.get(request.classKey) ?? this.#reasonOf(request);
    if (of === undefined) this.#known.set(request.classKey, reason);
    const known = this.#reasons.get(reason) ?? { instances: 0, example: name };
    known.instances += 1;
    this.#reasons.set(reason, known);
  }

  #reasonOf(request: PlacementRequest): string {
    const decision = this.#engine.schedule(request);
    if (decision.type === 'placed') return '';
    const { request: whole, classes, nodes } = decision.reasons;
    if (whole !== undefined) return whole;
    if (nodes === 0) return 'no nodes available to schedule pods';
    const nearest = nearestClass(classes)?.obstacles ?? [];
    return nearest.map((obstacle) => obstacle.reason).join(' and ');
  }

  /** A score looks at every node: it is taken only before the first goes of clearly more than ever before. */
  #scoreIfFuller(): void {
    if (this.#present <= this.#mostPresent * 1.02) return;
    this.#mostPresent = this.#present;
    this.#fullest = scorePlacement(this.cluster.snapshot);
  }
}

/** By what is written in the object, or in a Workload's file, where nothing has an identity yet. */
function simulatedGang(pod: Pod, workload: Workload | undefined): SimulatedGang | undefined {
  const { key, name, minMember } = gangOf(pod, workload) ?? {};
  if (key !== undefined) return { key, name: name ?? '', minMember: minMember ?? 1 };
  const { placement, replicas = 1 } = workload?.spec ?? {};
  if (placement?.gang === undefined) return undefined;
  const { namespace = '', name: owner = '' } = workload?.metadata ?? {};
  const least = placement.gang.minMember ?? replicas;
  return { key: `${namespace}/${owner}`, name: owner, minMember: least };
}

/** A whole gang where the first of it stands, and neighbours of one class of a layout. */
function unitsOf(waiters: readonly Waiter[]): readonly (readonly Waiter[])[] {
  const units: Waiter[][] = [];
  const gangs = new Map<string, Waiter[]>();
  for (const waiter of waiters) {
    const { gang, request, node } = waiter;
    const last = units.at(-1);
    const before = last?.[0];
    const isAlike =
      node === undefined &&
      request.layout !== undefined &&
      before?.gang === undefined &&
      before?.node === undefined &&
      before?.request.classKey === request.classKey;
    const unit = gang === undefined ? (isAlike ? last : undefined) : gangs.get(gang.key);
    if (unit !== undefined) unit.push(waiter);
    else {
      const started = [waiter];
      units.push(started);
      if (gang !== undefined) gangs.set(gang.key, started);
    }
  }
  return units;
}

/** A node that does not say how it is is ready, and gives all that it has. */
function imaginary(node: Node): Node {
  const { status = {} } = node;
  const { allocatable, capacity, conditions } = status;
  const hasReady = conditions?.some(({ type }) => type === 'Ready') ?? false;
  return {
    ...node,
    status: {
      ...status,
      ...(allocatable === undefined && capacity !== undefined ? { allocatable: capacity } : {}),
      ...(hasReady
        ? {}
        : { conditions: [...(conditions ?? []), { type: 'Ready', status: 'True' }] }),
    },
  };
}
