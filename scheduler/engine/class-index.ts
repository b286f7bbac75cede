/**
 * All nodes, ordered for one class of equal requests: tournament trees over their costs, brought up to date from the
 * change log. The next decision of the class costs only the nodes that changed since the last one. Where rules ask
 * about few zones there is one tree for each combination of them, and the zones are asked at each decision.
 */
import type { DomainRule } from '../constraints/constraint.ts';
import { maxCost, type Strategy } from '../strategies/strategy.ts';
import type { Changes } from './change-log.ts';
import { type CostOf, costFunction, domainRulesOf, withRules } from './evaluate.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { type Standings, Tournament } from './tournament.ts';
import { refused } from './verdict.ts';

/** More combinations of zones than this are no longer asked one by one. */
const groupsMax = 256;

/** The nodes that are in the same domain of every coarse rule. */
interface Group {
  readonly domains: readonly number[];
  readonly members: number[];
  tournament: Tournament | undefined;
}

/** An index that does not stand yet. */
interface Building {
  /** How things were at the beginning. */
  readonly layout: number;
  readonly position: number;
  readonly orderVersion: number;
  readonly parts: Generator<undefined, void>;
}

/** Nodes that are weighed, or changes that are heeded, in one part. */
const partSize = 512;

export class ClassIndex {
  readonly #snapshot: Snapshot;
  readonly #request: PlacementRequest;
  readonly #strategy: Strategy;
  #costOf: CostOf = () => refused;
  readonly #standings: Standings = { costs: new Float64Array(0), ranks: new Int32Array(0) };
  /** Rules about few domains, asked at each decision. */
  #coarse: readonly DomainRule[] = [];
  /** Rules about many domains, part of each node's cost. */
  #fine: readonly DomainRule[] = [];
  #commons: readonly number[] = [];
  #groups: readonly Group[] = [];
  /** By node index. */
  #groupOf = new Int32Array(0);
  #slotOf = new Int32Array(0);
  #orderVersion = -1;
  #building: Building | undefined;
  #layout = -1;
  #position = -1;

  constructor(snapshot: Snapshot, request: PlacementRequest, strategy: Strategy) {
    this.#snapshot = snapshot;
    this.#request = request;
    this.#strategy = strategy;
  }

  /** The index of the cheapest node, the first by name among equals; undefined when none fits. */
  best(): number | undefined {
    this.#catchUp();
    const { costs, ranks } = this.#standings;
    let best: number | undefined;
    let bestCost = refused;
    for (const group of this.#groups) {
      const dislike = this.#dislikeOf(group);
      const index = dislike === refused ? undefined : group.tournament?.best();
      if (index === undefined) continue;
      const cost = (costs[index] ?? refused) + dislike * maxCost;
      if (cost > bestCost || cost === refused) continue;
      if (best !== undefined && cost === bestCost && (ranks[index] ?? 0) > (ranks[best] ?? 0)) {
        continue;
      }
      best = index;
      bestCost = cost;
    }
    return best;
  }

  #dislikeOf({ domains }: Group): number {
    let dislike = 0;
    for (const [k, rule] of this.#coarse.entries()) dislike += rule.dislike(domains[k] ?? 0);
    return dislike;
  }

  /**
   * Builds it a part at a time, or brings it up to date with much that has changed, so that nobody waits long for it; true
   * when little or nothing is left. Nodes may change meanwhile. Whoever does not ask for parts gets the whole with `best`.
   */
  advance(): boolean {
    const { columns, log, order } = this.#snapshot;
    const { layout } = columns;
    if (layout === this.#layout && this.#areCommonsKnown()) {
      if (log.position - this.#position <= partSize) return true;
      this.#mend(this.#position + partSize);
      return false;
    }
    if (this.#building?.layout !== layout) {
      const at = { layout, position: log.position, orderVersion: order.version };
      this.#building = { ...at, parts: this.#build() };
    }
    const building = this.#building;
    if (building.parts.next().done !== true) return false;
    this.#building = undefined;
    this.#layout = building.layout;
    this.#position = building.position;
    this.#orderVersion = building.orderVersion;
    return columns.layout === layout;
  }

  #catchUp(): void {
    const { log, order } = this.#snapshot;
    do {
      while (!this.advance() || !this.#areCommonsKnown());
    } while (!this.#mend(log.position));
    this.#orderVersion = order.version;
  }

  /** Heeds what changed until then; false when all has to be built anew. */
  #mend(until: number): boolean {
    const { log, order } = this.#snapshot;
    this.#standings.ranks = order.ranks();
    // An index may have gone to another node, which has another place among its equals.
    const reordered = order.version !== this.#orderVersion;
    const changes = log.changedSince(this.#position, until);
    if (changes !== undefined && this.#updateAll(changes, reordered)) {
      this.#position = until;
      return true;
    }
    this.#layout = -1;
    this.#building = undefined;
    return false;
  }

  #areCommonsKnown(): boolean {
    return this.#fine.every((rule, k) => rule.common() === this.#commons[k]);
  }

  /** Pauses after each part. What changes in the pauses is in the log, and is put right by the first `#catchUp`. */
  *#build(): Generator<undefined, void> {
    const { order, peers } = this.#snapshot;
    this.#layout = -1;
    this.#readRules();
    yield* this.#group();
    if (this.#groups.length > groupsMax) {
      // With it the layout changes: all is built anew, without them.
      for (const { topology } of this.#coarse) peers.refine(topology);
      return;
    }
    this.#standings.ranks = order.ranks();
    for (const group of this.#groups) {
      group.tournament = new Tournament(this.#standings, group.members);
      if (group.members.length > partSize) yield;
    }
  }

  #readRules(): void {
    const rules = domainRulesOf(this.#snapshot.peers, this.#request);
    this.#coarse = rules.filter(({ topology }) => topology.isCoarse);
    this.#fine = rules.filter(({ topology }) => !topology.isCoarse);
    this.#commons = this.#fine.map((rule) => rule.common());
  }

  *#group(): Generator<undefined, void> {
    const { size } = this.#snapshot.columns;
    const ownCost = costFunction(this.#snapshot, this.#request, this.#strategy);
    this.#costOf = withRules(ownCost, this.#fine);
    const costs = new Float64Array(size);
    this.#standings.costs = costs;
    this.#groupOf = new Int32Array(size);
    this.#slotOf = new Int32Array(size);
    const groups = new Map<string, Group>();
    this.#groups = [];
    for (let index = 0; index < size; index += 1) {
      costs[index] = this.#costOf(index);
      const domains = this.#coarse.map(({ topology }) => topology.domainOf(index));
      const key = domains.join(' ');
      const group = groups.get(key) ?? { domains, members: [], tournament: undefined };
      if (group.members.length === 0) groups.set(key, group);
      this.#slotOf[index] = group.members.push(index) - 1;
      if (index % partSize === partSize - 1) yield;
    }
    this.#groups = [...groups.values()];
    for (const [at, { members }] of this.#groups.entries()) {
      for (const index of members) this.#groupOf[index] = at;
    }
  }

  #updateAll({ nodes, count }: Changes, reordered: boolean): boolean {
    for (let i = 0; i < count; i += 1) if (!this.#update(nodes[i] ?? 0, reordered)) return false;
    return true;
  }

  /** False when the node does not belong to its group any more. */
  #update(index: number, reordered: boolean): boolean {
    const { costs } = this.#standings;
    const group = this.#groups[this.#groupOf[index] ?? 0];
    const cost = this.#costOf(index);
    if (this.#coarse.length > 0 && cost !== refused && !this.#isOf(group, index)) return false;
    if (cost === costs[index] && !reordered) return true;
    costs[index] = cost;
    group?.tournament?.update(this.#slotOf[index] ?? 0);
    return true;
  }

  #isOf(group: Group | undefined, index: number): boolean {
    return this.#coarse.every(({ topology }, k) => group?.domains[k] === topology.domainOf(index));
  }
}
