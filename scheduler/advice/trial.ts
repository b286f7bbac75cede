/** Decides what is planned as the scheduler would, in the snapshot, and takes everything back. Pure but for that; with pauses. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { atOnce } from '../../lib/turns.ts';
import type { Cluster } from '../controller/cluster.ts';
import { type Gang, type Gangs, gangOf } from '../controller/gangs.ts';
import type { Occupants } from '../controller/occupants.ts';
import type { Decision, Engine } from '../engine/engine.ts';
import { podRequest } from '../engine/pod-request.ts';
import type { Reasons } from '../engine/reasons.ts';
import { Recent } from '../engine/recent.ts';
import type { Allocation, PlacementRequest } from '../engine/request.ts';
import type { Occupant, OccupantChanges } from '../preemption/occupant.ts';
import { tryOut as lookForRoom, preempt, type Tries } from '../preemption/preempt.ts';
import { VictimIndex } from '../preemption/victim-index.ts';
import type { Supplies } from './supplies.ts';
import { refusalText } from './words.ts';

export interface TrialOptions {
  readonly engine: Engine;
  readonly cluster: Cluster;
  readonly occupants: Occupants;
  readonly gangs: Gangs;
  readonly supplies: Supplies;
  /** Whether somebody else has to be asked before a decision about it; it is asked, then. */
  readonly asks: (request: PlacementRequest) => boolean;
}

/** Classes of which is remembered who would have to go from each node. */
const indicesMax = 32;

/** An instance that has to find a node. */
export interface Planned {
  readonly pod: Pod;
  readonly workload: Workload | undefined;
}

export type Fate =
  | {
      readonly type: 'placed';
      readonly node: string;
      readonly allocation: Allocation;
      /** Who has to go for it. */
      readonly victims: readonly Occupant[];
    }
  | { readonly type: 'unplaced'; readonly message: string };

/**
 * By priority, and then in the order given, which is that of the answer; gangs all or none. `leaving`: uids of what
 * makes room. Undefined when an answer of somebody else is awaited.
 */
export function* tryOut<T extends Planned>(
  options: TrialOptions,
  planned: readonly T[],
  leaving: readonly string[],
): Generator<undefined, readonly (readonly [planned: T, fate: Fate])[] | undefined> {
  const trial = new Trial<T>(options, new Set(leaving));
  try {
    for (const uid of leaving) {
      trial.takeAway(uid);
      yield;
    }
    const order = planned.toSorted((a, b) => priorityOf(b.pod) - priorityOf(a.pod));
    const requested: Requested<T>[] = [];
    for (const [i, each] of order.entries()) {
      const request = trial.requested(each, i);
      if (request !== undefined) requested.push(request);
      yield;
    }
    for (const unit of unitsOf(requested)) {
      if (!(yield* trial.decide(unit))) {
        yield* trial.undo(0);
        return undefined;
      }
      yield;
    }
    const fates: (readonly [T, Fate])[] = [];
    for (const each of order) {
      const fate = trial.fates.get(each);
      if (fate !== undefined) fates.push([each, fate]);
    }
    yield* trial.undo(0);
    return fates;
  } finally {
    // Where nobody waits for the answer any more.
    atOnce(trial.undo(0));
  }
}

interface Requested<T> {
  readonly planned: T;
  readonly request: PlacementRequest;
  readonly gang: Gang | undefined;
}

class Trial<T extends Planned> {
  readonly fates = new Map<T, Fate>();
  readonly #options: TrialOptions;
  readonly #leaving: ReadonlySet<string>;
  /** By budget, how many more it lets go. */
  readonly #allowed: Map<string, number>;
  /** Grows with each change of that. */
  #allowances = 0;
  /** By class and priority. */
  readonly #indices = new Recent<VictimIndex>(indicesMax);
  readonly #tries = new Recent<Tries>(indicesMax);
  /** By class, what those are told that are refused, until the next is placed. */
  readonly #reasons = new Map<string, Reasons>();
  /** What takes each step back. */
  readonly #undo: (() => void)[] = [];

  constructor(options: TrialOptions, leaving: ReadonlySet<string>) {
    this.#options = options;
    this.#leaving = leaving;
    this.#allowed = new Map(options.occupants.allowed());
  }

  /** Undefined where it would wait whatever room there is. */
  requested(planned: T, number: number): Requested<T> | undefined {
    const { cluster, supplies } = this.#options;
    const { pod, workload } = planned;
    const needs = supplies.needsOf(pod, workload);
    const message = needs.type === 'waits' ? needs.message : supplies.take(pod, needs.addresses);
    if (needs.type === 'waits' || message !== undefined) {
      this.fates.set(planned, { type: 'unplaced', message: message ?? '' });
      return undefined;
    }
    const read = podRequest(pod, workload, cluster.dimensions, needs.ties);
    return { planned, request: { ...read, uid: `plan/${number}` }, gang: gangOf(pod, workload) };
  }

  /** False: an answer is awaited. */
  *decide(unit: readonly Requested<T>[]): Generator<undefined, boolean> {
    const [first] = unit;
    if (first?.gang !== undefined) return yield* this.#decideGang(first.gang, unit);
    const layout = first?.request.layout;
    if (layout === undefined) {
      for (const each of unit) if (!(yield* this.#decideOne(each))) return false;
      return true;
    }
    if (unit.some(({ request }) => this.#options.asks(request))) return false;
    const requests = unit.map(({ request }) => request);
    const decisions = yield* this.#options.engine.scheduleGroup(requests, layout);
    for (const [i, each] of unit.entries()) this.#conclude(each, decisions[i]);
    return true;
  }

  takeAway(uid: string): void {
    const { engine, occupants } = this.#options;
    const { snapshot } = engine;
    const placed = snapshot.placementOf(uid);
    if (placed === undefined) return;
    snapshot.release(uid);
    this.#undo.push(() => {
      // It may have gone, or been told of anew, while others had their turns.
      if (occupants.of(uid) === undefined || snapshot.nodeOf(uid) !== undefined) return;
      snapshot.assume(placed.footprint, placed.node, placed.allocation);
    });
  }

  /** Takes back all steps but the first ones. */
  *undo(kept: number): Generator<undefined, void> {
    while (this.#undo.length > kept) {
      this.#undo.pop()?.();
      yield;
    }
  }

  *#decideOne(each: Requested<T>): Generator<undefined, boolean> {
    if (this.#options.asks(each.request)) return false;
    if (this.#conclude(each, yield* this.#schedule(each))) return true;
    yield* this.#makeRoom(each);
    return true;
  }

  /** Where it is placed it is assumed, too. */
  *#schedule({ request }: Requested<T>): Generator<undefined, Decision> {
    const { engine } = this.#options;
    const [placed] = yield* engine.placeInParts([request]);
    if (placed !== undefined) return placed;
    const { classKey } = request;
    const reasons = this.#reasons.get(classKey) ?? (yield* engine.explain(request));
    this.#reasons.set(classKey, reasons);
    return { type: 'refused', reasons };
  }

  *#decideGang(gang: Gang, members: readonly Requested<T>[]): Generator<undefined, boolean> {
    const { asks, gangs } = this.#options;
    const { minMember } = gang;
    if (minMember === undefined) {
      return this.#refuse(members, 'its group does not say how many belong together');
    }
    const leaving = [...this.#leaving].filter((uid) => gangs.isPlaced(gang, uid)).length;
    const before = gangs.placed(gang) - leaving;
    if (before + members.length < minMember) {
      return this.#refuse(
        members,
        `${told(gang)}: ${before + members.length} of ${minMember} there`,
      );
    }
    const start = this.#undo.length;
    const refused: Requested<T>[] = [];
    let standing = before;
    for (const member of members) {
      if (asks(member.request)) return false;
      if (this.#conclude(member, yield* this.#schedule(member))) standing += 1;
      else refused.push(member);
      yield;
    }
    for (const member of refused) if (yield* this.#makeRoom(member)) standing += 1;
    if (standing >= minMember) return true;
    yield* this.undo(start);
    this.#reasons.clear();
    const [lacking] = refused;
    const fate = lacking === undefined ? undefined : this.fates.get(lacking.planned);
    const next = fate?.type === 'unplaced' ? `; for the next: ${fate.message}` : '';
    const count = `${standing} of ${minMember} members fit at the same time`;
    return this.#refuse(members, `${told(gang)}: ${count}${next}`);
  }

  /** True: it is decided so. */
  #refuse(members: readonly Requested<T>[], message: string): true {
    for (const { planned } of members) this.fates.set(planned, { type: 'unplaced', message });
    return true;
  }

  /** Whether it is placed; it is assumed already, then. */
  #conclude({ planned, request }: Requested<T>, decision: Decision | undefined): boolean {
    if (decision?.type !== 'placed') {
      const message = decision === undefined ? '' : refusalText(decision.reasons);
      this.fates.set(planned, { type: 'unplaced', message });
      return false;
    }
    const { snapshot } = this.#options.engine;
    this.#undo.push(() => snapshot.release(request.uid));
    this.#reasons.clear();
    const { node, allocation } = decision;
    this.fates.set(planned, { type: 'placed', node, allocation, victims: [] });
    return true;
  }

  /** At the cost of less important ones; false where that does not help. */
  *#makeRoom({ planned, request }: Requested<T>): Generator<undefined, boolean> {
    const { engine, occupants } = this.#options;
    const { snapshot } = engine;
    const priority = priorityOf(planned.pod);
    const mayPreempt = planned.pod.spec.preemptionPolicy !== 'Never';
    if (!mayPreempt || request.layout !== undefined || !occupants.anyBelow(priority)) return false;
    const options = {
      priority,
      occupantOf: (uid: string) => occupants.of(uid),
      budgetsOf: (occupant: Occupant) => occupants.budgetsOf(occupant),
      allowed: this.#allowed,
    };
    const key = `${priority} ${request.classKey}`;
    const index = this.#indices.get(key) ?? new VictimIndex(snapshot, request, this.#changes());
    this.#indices.set(key, index);
    const tries = this.#tries.get(key) ?? new Map();
    this.#tries.set(key, tries);
    while (!index.advance(() => options)) yield;
    yield* lookForRoom(snapshot, request, options, { estimated: index.estimates(options), tries });
    const known = { estimated: index.estimates(options), tries };
    const answer = preempt(snapshot, request, options, known);
    if (answer === undefined) return false;
    const { node, allocation, victims } = answer;
    for (const victim of victims) this.#evict(victim);
    snapshot.assume(request, node, allocation);
    this.#undo.push(() => snapshot.release(request.uid));
    this.#reasons.clear();
    this.fates.set(planned, { type: 'placed', node, allocation, victims });
    return true;
  }

  /** Also of what budgets still let go here. */
  #changes(): OccupantChanges {
    const { changes } = this.#options.occupants;
    const allowances = () => this.#allowances;
    return {
      get position() {
        return changes.position;
      },
      get budgets() {
        return changes.budgets + allowances();
      },
      changedSince: (position, uids) => changes.changedSince(position, uids),
    };
  }

  #evict(victim: Occupant): void {
    this.takeAway(victim.uid);
    for (const budget of this.#options.occupants.budgetsOf(victim)) {
      this.#allow(budget, -1);
      this.#undo.push(() => this.#allow(budget, 1));
    }
  }

  #allow(budget: string, more: number): void {
    this.#allowances += 1;
    this.#allowed.set(budget, (this.#allowed.get(budget) ?? 0) + more);
  }
}

function told({ name }: Gang): string {
  return `gang "${name}"`;
}

/** A whole gang where the first of it stands; and together those that a layout puts on nodes together (Each, Fill). */
function unitsOf<T>(all: readonly Requested<T>[]): readonly (readonly Requested<T>[])[] {
  const units: Requested<T>[][] = [];
  const gangs = new Map<string, Requested<T>[]>();
  for (const each of all) {
    const { gang, request } = each;
    const last = units.at(-1);
    const together =
      gang !== undefined
        ? gangs.get(gang.key)
        : request.layout !== undefined && last?.[0]?.request.classKey === request.classKey
          ? last
          : undefined;
    if (together !== undefined) together.push(each);
    else {
      const started = [each];
      units.push(started);
      if (gang !== undefined) gangs.set(gang.key, started);
    }
  }
  return units;
}

function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0;
}
