/** Snapshot and request in, decision or reasons out. Pure: no clock, no I/O, no chance. */
import type { JsonValue } from '../../api/meta.ts';
import { atOnce } from '../../lib/turns.ts';
import { strategyOf } from '../strategies/built-in.ts';
import type { Scorer, Strategy } from '../strategies/strategy.ts';
import type { NodeRules } from './block-list.ts';
import { ClassIndex } from './class-index.ts';
import { type ClassPlan, ClassPlans } from './class-plan.ts';
import type { Decision, Placed } from './decision.ts';
import { reasonsInParts, unavailable } from './explain.ts';
import { decideGroup } from './group.ts';
import { bestOfNamed } from './named-nodes.ts';
import type { Reasons } from './reasons.ts';
import {
  type Allocation,
  type Layout,
  noDevices,
  type PlacementRequest,
  type StrategyName,
} from './request.ts';
import type { Snapshot } from './snapshot.ts';

export type { Decision, Placed } from './decision.ts';

/** Costs kept over all indices of one class each, one per node: 12 bytes each. */
const indexedCostsMax = 8_000_000;

/** Fewer replicas are decided one by one, and of more only so many at one look. */
const fewMin = 4;
const runMax = 256;

export class Engine {
  readonly snapshot: Snapshot;
  readonly #plans: ClassPlans;
  /** For classes that have no order in common with others; the one used last is the last. */
  readonly #classes = new Map<string, ClassIndex>();
  /** Equal requests come in a row: what was prepared last, and where the log stood then. */
  #prepared: ClassPlan | undefined;
  #preparedAt = -1;

  constructor(
    snapshot: Snapshot,
    strategies: (name: StrategyName) => Strategy | undefined = strategyOf,
  ) {
    this.snapshot = snapshot;
    this.#plans = new ClassPlans(snapshot, strategies);
  }

  /** Where it would go now, or why nowhere; the snapshot is not changed. */
  schedule(request: PlacementRequest): Decision {
    return atOnce(this.scheduleInParts(request));
  }

  /** As `schedule`, with pauses. */
  *scheduleInParts(request: PlacementRequest): Generator<undefined, Decision> {
    const { layout } = request;
    if (layout !== undefined) {
      const [decision] = yield* this.scheduleGroup([request], layout);
      this.snapshot.release(request.uid);
      return decision ?? { type: 'refused', reasons: unavailable(this.snapshot, request) };
    }
    const placed = yield* this.#place(request);
    return placed ?? { type: 'refused', reasons: yield* this.explain(request) };
  }

  /** As `schedule`, but undefined where it is refused: reasons look at every node, and not everyone asks. */
  place(request: PlacementRequest): Placed | undefined {
    if (request.layout !== undefined) {
      const decision = this.schedule(request);
      return decision.type === 'placed' ? decision : undefined;
    }
    const found = this.#find(request);
    return found === 'unready' ? atOnce(this.#place(request)) : found;
  }

  /**
   * Decides one after the other, each knowing of those before; of a layout, all together, for then they are of one
   * class. What was placed is assumed in the snapshot; release it there if it is not carried out. `reasons`: what those
   * that are refused are told, where it is known.
   */
  scheduleBatch(requests: readonly PlacementRequest[], reasons?: Reasons): readonly Decision[] {
    const [first] = requests;
    if (first?.layout !== undefined && requests.every((each) => isAlike(each, first))) {
      return atOnce(this.scheduleGroup(requests, first.layout));
    }
    const decisions: Decision[] = [];
    while (decisions.length < requests.length) {
      const run = runAt(requests, decisions.length);
      for (const [i, placed] of atOnce(this.#placeRun(run)).entries()) {
        const request = run[i];
        if (placed !== undefined) decisions.push(placed);
        else if (request !== undefined) {
          decisions.push(
            reasons === undefined ? this.#refusal(request) : { type: 'refused', reasons },
          );
        }
      }
    }
    return decisions;
  }

  /** As `scheduleBatch` for requests of one class with this layout, with pauses. */
  scheduleGroup(
    requests: readonly PlacementRequest[],
    layout: Layout,
  ): Generator<undefined, readonly Decision[]> {
    return decideGroup(this.snapshot, requests, layout);
  }

  /** As `scheduleBatch` without layouts, but undefined where one is refused: reasons look at every node. */
  placeBatch(requests: readonly PlacementRequest[]): readonly (Placed | undefined)[] {
    return atOnce(this.placeInParts(requests));
  }

  /** As `placeBatch`, with pauses: one that somebody else has placed meanwhile stays there. */
  *placeInParts(
    requests: readonly PlacementRequest[],
  ): Generator<undefined, readonly (Placed | undefined)[]> {
    const all: (Placed | undefined)[] = [];
    while (all.length < requests.length) {
      const run = runAt(requests, all.length);
      const { position } = this.snapshot.log;
      if (all.length > 0) yield;
      const [first] = run;
      while (first !== undefined && !this.prepare(first)) yield;
      const isDisturbed = position !== this.snapshot.log.position;
      for (const placed of yield* this.#placeRun(run, isDisturbed)) all.push(placed);
    }
    return all;
  }

  /**
   * Does a part, of some milliseconds, of what a decision on the request begins with when none like it was asked for
   * before; true when all is done. Need not be called: without it the first decision does all at once.
   */
  prepare(request: PlacementRequest): boolean {
    if (request.layout !== undefined) return true;
    const plan = this.#plans.of(request);
    const { log, columns } = this.snapshot;
    const isKept = plan === this.#prepared && plan.layout === columns.layout;
    if (isKept && log.position === this.#preparedAt) return true;
    if (!this.#plans.prepare(plan, request)) return false;
    const { strategy, named } = plan;
    const isIndexed = strategy !== undefined && named === undefined;
    if (isIndexed && this.#plans.queryOf(plan, request) === undefined) {
      if (!this.#indexFor(request, plan, strategy).advance()) return false;
    }
    this.#prepared = plan;
    this.#preparedAt = log.position;
    return true;
  }

  /** Why it has no place, with pauses: some milliseconds old when it is told. For one that was refused. */
  *explain(request: PlacementRequest): Generator<undefined, Reasons> {
    const { snapshot } = this;
    const plan = this.#plans.of(request);
    if (plan.strategy === undefined) return unavailable(snapshot, request);
    const { position } = snapshot.log;
    if (plan.refusedAt !== position) return yield* reasonsInParts(snapshot, request);
    plan.reasons ??= yield* reasonsInParts(snapshot, request);
    return plan.reasons;
  }

  /**
   * Of requests that are alike. Pauses before each that is decided by itself: it may mean a look at all nodes. Disturbed by
   * others some of them may be placed already.
   */
  *#placeRun(
    run: readonly PlacementRequest[],
    isDisturbed = false,
  ): Generator<undefined, readonly (Placed | undefined)[]> {
    const { snapshot } = this;
    const all: (Placed | undefined)[] = isDisturbed ? [] : this.#placeFirst(run);
    let disturbed = isDisturbed;
    for (const request of run.slice(all.length)) {
      const { position } = snapshot.log;
      if (all.length > 0) yield;
      disturbed ||= position !== snapshot.log.position;
      const already = disturbed ? yield* this.#lookAnew(request) : undefined;
      const found = already ?? this.#find(request);
      const placed = found === 'unready' ? yield* this.#place(request) : found;
      all.push(placed);
      if (already !== undefined || placed === undefined) continue;
      snapshot.assume(request, placed.node, placed.allocation);
    }
    return all;
  }

  /** Those that one look at the order tells, and whom nobody else can have placed. */
  #placeFirst(run: readonly PlacementRequest[]): Placed[] {
    const { snapshot } = this;
    const nodes = this.#layOut(run);
    snapshot.assumeAlike(run, nodes);
    return nodes.map((index): Placed => {
      const node = snapshot.recordAt(index)?.name ?? '';
      return { type: 'placed', node, allocation: noDevices };
    });
  }

  /** For one of which nobody knows whether an index has to be built first. */
  *#place(request: PlacementRequest): Generator<undefined, Placed | undefined> {
    for (;;) {
      while (!this.prepare(request)) yield;
      const found = this.#find(request);
      if (found !== 'unready') return found;
    }
  }

  #find(request: PlacementRequest): Placed | undefined | 'unready' {
    const plan = this.#plans.of(request);
    const { position } = this.snapshot.log;
    const { strategy } = plan;
    if (strategy === undefined || plan.refusedAt === position) return undefined;
    const index = this.#bestFor(request, plan, strategy);
    if (index === 'unready') return index;
    const record = index === undefined ? undefined : this.snapshot.recordAt(index);
    if (index === undefined || record === undefined) {
      plan.refusedAt = position;
      plan.reasons = undefined;
      return undefined;
    }
    const allocation = this.#allocate(request, plan.scorer, index);
    return { type: 'placed', node: record.name, allocation };
  }

  /** After others had their turn: much may have changed, and somebody else may have placed it. Where it is, then. */
  *#lookAnew(request: PlacementRequest): Generator<undefined, Placed | undefined> {
    while (!this.prepare(request)) yield;
    const already = this.snapshot.placementOf(request.uid);
    if (already === undefined) return undefined;
    return { type: 'placed', node: already.node, allocation: already.allocation };
  }

  /** Where the first of equal requests go, as far as one look at the order tells; the others are decided one by one. */
  #layOut(run: readonly PlacementRequest[]): readonly number[] {
    const [request] = run;
    if (request === undefined || run.length < fewMin) return [];
    if (request.layout !== undefined || request.parts.length > 0) return [];
    const plan = this.#plans.of(request);
    const isSpread = plan.strategy?.order?.fewestOfOwner === true;
    if (isSpread && request.owner === undefined) return [];
    if (plan.refusedAt === this.snapshot.log.position) return [];
    const query = this.#plans.queryOf(plan, request);
    const { fill, gate } = plan;
    if (query === undefined || fill === undefined || gate !== undefined) return [];
    return fill.layOut(query, rulesOf(this.snapshot, request, plan), run.length);
  }

  #bestFor(
    request: PlacementRequest,
    plan: ClassPlan,
    strategy: Strategy,
  ): number | undefined | 'unready' {
    const query = this.#plans.queryOf(plan, request);
    if (query !== undefined) {
      const found = plan.fill?.best(query, rulesOf(this.snapshot, request, plan));
      if (plan.gate === undefined || plan.gate.left >= 0) return found;
      // Too many are refused: from now on the class has an index of its own.
      plan.isOrdered = false;
      this.#prepared = undefined;
      return 'unready';
    }
    const { named } = plan;
    if (named !== undefined) return bestOfNamed(this.snapshot, request, strategy, named);
    return this.#indexFor(request, plan, strategy).best();
  }

  /** The index of a class that has no order in common with others. */
  #indexFor(request: PlacementRequest, { key }: ClassPlan, strategy: Strategy): ClassIndex {
    const { snapshot } = this;
    const index = this.#classes.get(key) ?? new ClassIndex(snapshot, request, strategy);
    use(this.#classes, key, index, Math.floor(indexedCostsMax / snapshot.columns.size));
    return index;
  }

  #refusal(request: PlacementRequest): Decision {
    return { type: 'refused', reasons: atOnce(this.explain(request)) };
  }

  #allocate({ parts }: PlacementRequest, scorer: Scorer | undefined, index: number): Allocation {
    if (parts.length === 0) return noDevices;
    const pieces: [string, JsonValue][] = [];
    for (const { dimension, need } of parts) {
      const devices = this.snapshot.devicesAt(dimension, index);
      if (devices === undefined) continue;
      const piece = scorer?.allocate?.(dimension, index) ?? devices.allocate(need);
      pieces.push([dimension, piece]);
    }
    return Object.fromEntries(pieces);
  }
}

function isAlike(a: PlacementRequest, b: PlacementRequest): boolean {
  return a.classKey === b.classKey;
}

/** The requests from there on that are alike. */
function runAt(requests: readonly PlacementRequest[], from: number): readonly PlacementRequest[] {
  const first = requests[from];
  let end = from + 1;
  const most = Math.min(requests.length, from + runMax);
  for (; first !== undefined && end < most; end += 1) {
    const next = requests[end];
    if (next === undefined || !isAlike(next, first)) break;
  }
  return requests.slice(from, end);
}

function rulesOf(
  snapshot: Snapshot,
  request: PlacementRequest,
  { strategy, gate }: ClassPlan,
): NodeRules {
  const { owner, maxPerNode: limit = Number.POSITIVE_INFINITY } = request;
  const fewestFirst = strategy?.order?.fewestOfOwner === true;
  // What belongs to nobody is counted nowhere.
  if (owner === undefined) {
    return { counts: undefined, limit: Number.POSITIVE_INFINITY, fewestFirst, gate };
  }
  return { counts: snapshot.ownerCounts(owner), limit, fewestFirst, gate };
}

/** Makes `key` the one used last, and forgets the others from the oldest on; one always stays. */
function use<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= Math.max(1, most)) return;
    map.delete(oldest);
  }
}
