/**
 * Finds room for pods that fit nowhere, at the cost of less important ones: chooses, keeps the room for who waits, and
 * has the victims removed.
 */
import type { Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import { atOnce } from '../../lib/turns.ts';
import type { Allocation, PlacementRequest } from '../engine/request.ts';
import type { Placed } from '../engine/snapshot.ts';
import { isRuledOut } from '../preemption/estimate.ts';
import type { Occupant, PreemptionOptions } from '../preemption/occupant.ts';
import { preempt, type Tries, tryOut } from '../preemption/preempt.ts';
import { VictimIndex } from '../preemption/victim-index.ts';
import type { Preemption } from '../preemption/victims.ts';
import type { Cluster } from './cluster.ts';
import { type EvictionOptions, Evictions } from './evictions.ts';
import { Nominations } from './nominations.ts';
import { Occupants } from './occupants.ts';

export interface PreemptorOptions extends Omit<EvictionOptions, 'onFailed'> {
  readonly cluster: Cluster;
  /** What is known of the instance of that key. */
  readonly find: (key: string) => Pod | undefined;
  /** Somebody who waits should be tried again. */
  readonly help: () => void;
  /** Room is made at the cost of so many. */
  readonly preempted: (victims: number) => void;
}

/** What a refused pod is told besides the reasons. */
export interface Outcome {
  readonly message?: string;
  readonly nominatedNodeName?: string;
}

/** Someone who wants a node. */
export interface Wanting {
  readonly pod: Pod;
  readonly request: PlacementRequest;
}

/** One that would fit there. */
export interface Standing extends Wanting {
  readonly node: string;
  readonly allocation: Allocation;
}

/** By class and priority. */
export type Prepared = ReadonlyMap<string, Tries>;

const nothing: Prepared = new Map();

/** One that is tried without. */
interface Away {
  readonly placed: Placed;
  readonly victim: Occupant;
  readonly violating: ReadonlySet<Occupant>;
}

/** A member of a gang, and who goes for it. */
interface Chosen {
  readonly by: Standing;
  readonly away: readonly Away[];
}

export class Preemptor {
  readonly #options: PreemptorOptions;
  readonly #occupants = new Occupants();
  readonly #nominations: Nominations;
  readonly #evictions: Evictions;
  /** By class and priority, where the log stood when nobody could make room. */
  readonly #vain = new Map<string, number>();
  /** By class and priority. */
  readonly #indices = new Map<string, VictimIndex>();

  constructor(options: PreemptorOptions, signal: AbortSignal) {
    this.#options = options;
    this.#nominations = new Nominations(options.cluster.snapshot);
    const onFailed = (uid: string) => {
      this.#occupants.pardon(uid);
      options.help();
    };
    this.#evictions = new Evictions({ ...options, onFailed }, signal);
  }

  /** Takes an instance as it is now: whether it waits for a node of ours, and was not known before. */
  apply(pod: Pod, { waits, isNew }: { readonly waits: boolean; readonly isNew: boolean }): void {
    const { uid = '' } = pod.metadata;
    this.#occupants.apply(pod);
    const node = pod.status?.nominatedNodeName ?? '';
    if (!waits) this.#nominations.drop(uid);
    // An earlier term had room made for it. Later on we know better than what was written.
    else if (isNew && node !== '') this.#readopt(pod, node);
  }

  /** True when room was kept for it. */
  delete({ metadata: { uid = '' } }: Pod): boolean {
    this.#occupants.delete(uid);
    return this.#nominations.drop(uid);
  }

  /** False: it makes no room. */
  applyBudget(budget: PodDisruptionBudget): false {
    this.#occupants.applyBudget(budget);
    return false;
  }

  deleteBudget(budget: PodDisruptionBudget): false {
    this.#occupants.deleteBudget(budget);
    return false;
  }

  /** Where room is kept for it. */
  nominationOf(wanting: Wanting): string | undefined {
    return this.#nominations.nodeOf(uidOf(wanting));
  }

  /** Only those for whom this is equal may be decided together. */
  standing({ pod }: Wanting): string {
    const { uid = '' } = pod.metadata;
    const own = this.#nominations.nodeOf(uid) === undefined ? '' : uid;
    return `${priorityOf(pod)} ${own}`;
  }

  /** Until the returned function is called, rooms that are not kept from these are free. */
  setAside(wanting: readonly Wanting[]): () => void {
    let least = Number.POSITIVE_INFINITY;
    for (const { pod } of wanting) least = Math.min(least, priorityOf(pod));
    return this.#nominations.setAside(wanting.map(uidOf), least);
  }

  /** It has a node, or does not wait for one any more. */
  settle(wanting: Wanting): void {
    this.#nominations.drop(uidOf(wanting));
  }

  /** Whether anybody may have to go for it. */
  mayMakeRoom({ pod }: Wanting): boolean {
    return pod.spec.preemptionPolicy !== 'Never' && this.#occupants.anyBelow(priorityOf(pod));
  }

  /** Looks, with pauses, for what `makeRoom` asks. */
  *prepare(all: readonly Wanting[]): Generator<undefined, Prepared> {
    const prepared = new Map<string, Tries>();
    for (const wanting of all) {
      const key = keyOf(wanting);
      if (prepared.has(key) || !this.mayMakeRoom(wanting)) continue;
      if (this.#waitsAt(wanting) !== undefined || this.#isInVain(key)) continue;
      const tries: Tries = new Map();
      prepared.set(key, tries);
      yield* this.#tryOut(wanting, tries);
    }
    return prepared;
  }

  /** For one that fits nowhere. */
  makeRoom(wanting: Wanting, prepared: Prepared = nothing): Outcome {
    const { pod, request } = wanting;
    const { uid = '' } = pod.metadata;
    const priority = priorityOf(pod);
    const nominated = this.#waitsAt(wanting);
    if (nominated !== undefined) return this.#waiting(nominated);
    this.#nominations.drop(uid);
    if (!this.#occupants.anyBelow(priority)) return {};
    if (pod.spec.preemptionPolicy === 'Never') {
      return { message: 'preemption: not eligible due to preemptionPolicy=Never.' };
    }
    const answer = this.#choose(wanting, prepared);
    if (answer === undefined) {
      return { message: 'preemption: no less important pods whose removal would make room.' };
    }
    const { node, allocation, victims, violating } = answer;
    this.#nominations.keep(uid, { node, priority, request, allocation });
    for (const victim of victims) this.#remove(victim, violating, { pod, node });
    this.#options.preempted(victims.length);
    if (victims.length === 0) return this.#waiting(node);
    const message = `preemption: ${victims.length} less important pod(s) are removed from ${node}.`;
    return { message, nominatedNodeName: node };
  }

  /**
   * For a gang that does not fit, with pauses: `standing` are members that do, and are assumed in the snapshot; of `refused`
   * as many are wanted as make `need` in all. Either room is made for so many, or nobody is removed; nor is anybody where
   * `isWanted` says no in the end. What is kept for them already must be set aside. What they are told; undefined when it
   * cannot be helped.
   */
  *makeRoomTogether(
    standing: readonly Standing[],
    refused: readonly Wanting[],
    { need, isWanted }: { readonly need: number; readonly isWanted: () => boolean },
  ): Generator<undefined, string | undefined> {
    const leaving = yield* this.#leavingFor([...standing, ...refused]);
    if (leaving > 0) return `preemption: waiting for ${leaving} pod(s) to leave.`;
    const chosen = standing.map((by): Chosen => ({ by, away: [] }));
    const prepared = new Map<string, Tries>();
    for (const wanting of refused) {
      if (chosen.length >= need) break;
      if (!this.mayMakeRoom(wanting)) continue;
      const answer = yield* this.#choosing(wanting, prepared);
      if (answer !== undefined) chosen.push(this.#tryWithout(wanting, answer));
    }
    const isEnough = chosen.length >= need && isWanted();
    let removed = 0;
    for (const { by, away } of chosen) {
      // It was tried out only: what was added goes, and what was taken away comes back.
      this.#options.cluster.forget(uidOf(by));
      for (const each of away) this.#putBack(each);
      if (isEnough) this.#nominations.keep(uidOf(by), { ...by, priority: priorityOf(by.pod) });
      for (const { victim, violating } of isEnough ? away : []) this.#remove(victim, violating, by);
      removed += away.length;
      yield;
    }
    if (!isEnough) return undefined;
    this.#options.preempted(removed);
    return `preemption: ${removed} less important pod(s) are removed.`;
  }

  /** How many are to leave where room is kept for these. */
  *#leavingFor(all: readonly Wanting[]): Generator<undefined, number> {
    const nodes = new Set<string>();
    for (const each of all) {
      const node = this.#waitsAt(each);
      if (node !== undefined) nodes.add(node);
      yield;
    }
    let leaving = 0;
    for (const node of nodes) leaving += this.#leaving(node);
    return leaving;
  }

  #tryWithout(wanting: Wanting, { node, allocation, victims, violating }: Preemption): Chosen {
    const { snapshot } = this.#options.cluster;
    const away: Away[] = [];
    for (const victim of victims) {
      const placed = snapshot.placementOf(victim.uid);
      if (placed === undefined) continue;
      away.push({ placed, victim, violating });
      snapshot.release(victim.uid);
    }
    snapshot.assume(wanting.request, node, allocation);
    return { by: { ...wanting, node, allocation }, away };
  }

  #putBack({ placed, victim: { uid } }: Away): void {
    const { snapshot } = this.#options.cluster;
    // It may have gone, or been told of anew, while others had their turns.
    if (this.#occupants.of(uid) === undefined || snapshot.nodeOf(uid) !== undefined) return;
    snapshot.assume(placed.footprint, placed.node, placed.allocation);
  }

  /** Resolves when nothing is being removed any more. */
  flush(): Promise<void> {
    return this.#evictions.flush();
  }

  *#choosing(
    wanting: Wanting,
    prepared: Map<string, Tries>,
  ): Generator<undefined, Preemption | undefined> {
    const key = keyOf(wanting);
    if (this.#isInVain(key)) return undefined;
    const tries: Tries = prepared.get(key) ?? new Map();
    prepared.set(key, tries);
    yield* this.#tryOut(wanting, tries);
    return this.#choose(wanting, prepared);
  }

  #choose(wanting: Wanting, prepared: Prepared): Preemption | undefined {
    const { snapshot } = this.#options.cluster;
    const key = keyOf(wanting);
    if (this.#isInVain(key)) return undefined;
    const tries: Tries = prepared.get(key) ?? new Map();
    if (!prepared.has(key)) atOnce(this.#tryOut(wanting, tries));
    const { pod, request } = wanting;
    const priority = priorityOf(pod);
    const restore = this.#nominations.setAside([uidOf(wanting)], priority);
    const options = this.#preemptionOptions(priority);
    const estimated = this.#indexFor(key, request).estimates(options);
    const answer = preempt(snapshot, request, options, { estimated, tries });
    restore();
    if (answer === undefined) {
      if (this.#vain.size >= vainMax) this.#vain.clear();
      this.#vain.set(key, snapshot.log.position);
    }
    return answer;
  }

  *#tryOut(wanting: Wanting, tries: Tries): Generator<undefined, void> {
    const { pod, request } = wanting;
    const priority = priorityOf(pod);
    const optionsNow = () => this.#preemptionOptions(priority);
    const index = this.#indexFor(keyOf(wanting), request);
    while (!index.advance(optionsNow)) yield;
    const options = optionsNow();
    const known = { estimated: index.estimates(options), tries };
    const parts = tryOut(this.#options.cluster.snapshot, request, options, known);
    for (;;) {
      const restore = this.#nominations.setAside([uidOf(wanting)], priority);
      const { done } = parts.next();
      restore();
      if (done === true) return;
      yield;
    }
  }

  #isInVain(key: string): boolean {
    return this.#vain.get(key) === this.#options.cluster.snapshot.log.position;
  }

  #preemptionOptions(priority: number): PreemptionOptions {
    const occupantOf = (uid: string) => this.#occupants.of(uid);
    const budgetsOf = (occupant: Occupant) => this.#occupants.budgetsOf(occupant);
    return { priority, occupantOf, budgetsOf, allowed: this.#occupants.allowed() };
  }

  /** The ones used last stay. */
  #indexFor(key: string, request: PlacementRequest): VictimIndex {
    const { snapshot } = this.#options.cluster;
    const index =
      this.#indices.get(key) ?? new VictimIndex(snapshot, request, this.#occupants.changes);
    this.#indices.delete(key);
    this.#indices.set(key, index);
    const [oldest] = this.#indices.keys();
    if (this.#indices.size > indicesMax && oldest !== undefined) this.#indices.delete(oldest);
    return index;
  }

  /** The node where room is kept for it and others are still to leave; it does not wait for a node that is lost. */
  #waitsAt(wanting: Wanting): string | undefined {
    const { snapshot } = this.#options.cluster;
    const node = this.#nominations.nodeOf(uidOf(wanting));
    if (node === undefined || this.#leaving(node) === 0) return undefined;
    return isRuledOut(snapshot, wanting.request, node) ? undefined : node;
  }

  #waiting(node: string): Outcome {
    const message = `preemption: waiting for ${this.#leaving(node)} pod(s) to leave ${node}.`;
    return { message, nominatedNodeName: node };
  }

  #leaving(node: string): number {
    let count = 0;
    for (const uid of this.#options.cluster.snapshot.placedOn(node))
      if (this.#occupants.of(uid)?.state === 'leaving') count += 1;
    return count;
  }

  #remove(
    occupant: Occupant,
    violating: ReadonlySet<Occupant>,
    { pod: preemptor, node }: Pick<Standing, 'pod' | 'node'>,
  ): void {
    const { find, log } = this.#options;
    const { uid } = occupant;
    const victim = find(this.#occupants.keyOf(uid) ?? '');
    if (victim === undefined || victim.metadata.uid !== uid) return;
    // The server knows of one budget for each.
    const isOfOne = this.#occupants.budgetsOf(occupant).length <= 1;
    const respectsBudget = isOfOne && !violating.has(occupant);
    this.#occupants.condemn(uid);
    const { namespace = '', name = '' } = victim.metadata;
    log.info({ pod: `${namespace}/${name}`, node, for: preemptor.metadata.name }, 'pod preempted');
    const message = `Preempted by pod ${preemptor.metadata.uid ?? ''} on node ${node}`;
    this.#evictions.evict({ victim, message, respectsBudget });
  }

  /** What is leaving may still be there, so the devices are chosen when it has gone. */
  #readopt(pod: Pod, node: string): void {
    const { uid = '' } = pod.metadata;
    const { cluster, log } = this.#options;
    try {
      const request = cluster.requestOf(pod);
      const amounts = { ...request, parts: [] };
      const kept = { node, priority: priorityOf(pod), request: amounts, allocation: {} };
      this.#nominations.keep(uid, kept);
    } catch (error) {
      log.error({ err: error, pod: pod.metadata.name }, 'nominated pod not understood');
    }
  }
}

/** Classes that are remembered. */
const vainMax = 1_024;

/** Classes of which is known who would have to go from each node. */
const indicesMax = 16;

/** Equal for those to whom every node answers alike. */
function keyOf({ pod, request }: Wanting): string {
  return `${priorityOf(pod)} ${request.classKey}`;
}

function uidOf({ pod }: Wanting): string {
  return pod.metadata.uid ?? '';
}

function priorityOf(pod: Pod): number {
  return pod.spec.priority ?? 0;
}
