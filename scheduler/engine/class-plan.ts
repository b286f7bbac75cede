/** What is known of a class of requests that every node answers alike: how the best node for one of them is found. */
import { nodeConstraints } from '../constraints/built-in.ts';
import type { DomainRule } from '../constraints/constraint.ts';
import { maxPerNode } from '../constraints/max-per-node.ts';
import type { Scorer, Strategy } from '../strategies/strategy.ts';
import type { Gate } from './block-list.ts';
import { domainRulesOf } from './evaluate.ts';
import { FillIndex, type FillQuery } from './fill-index.ts';
import type { Levels } from './kinds.ts';
import { namedNodes } from './named-nodes.ts';
import { keysByName, keysByUse, type NodeKeys } from './node-keys.ts';
import type { Reasons } from './reasons.ts';
import { Recent } from './recent.ts';
import type { PlacementRequest, StrategyName } from './request.ts';
import type { Snapshot } from './snapshot.ts';

/** Classes that are remembered. */
const plansMax = 4096;

/** Requests for more resources than this are not put in order: keys must not grow past 32 bits. */
const resourcesMax = 64;

/** Orders over all nodes, and how many nodes may stand in all of them together: about a hundred bytes each. */
const fillsMax = 64;
const fillNodesMax = 4_000_000;

/** So many nodes may be refused by a gate at one decision. */
const gateMax = 1024;

export interface ClassPlan {
  readonly key: string;
  /** Undefined for strategies that choose sets of nodes. */
  readonly strategy: Strategy | undefined;
  /** The only nodes that the class may go to; undefined: all. */
  readonly named: readonly string[] | undefined;
  /** The strategy's, where it has one for this class. */
  scorer: Scorer | undefined;
  /** Whether an order that is shared with other classes finds its best node. */
  isOrdered: boolean;
  /** What the order cannot tell; undefined: nothing. */
  gate: Gate | undefined;
  fill: FillIndex | undefined;
  /** Of its order. */
  levels: Levels | undefined;
  /** The layout of columns for which the five above are true. */
  layout: number;
  /** Where the log stood at the last refusal: nothing has changed while it stands there still. */
  refusedAt: number;
  reasons: Reasons | undefined;
}

export class ClassPlans {
  readonly #snapshot: Snapshot;
  readonly #strategyOf: (name: StrategyName) => Strategy | undefined;
  readonly #plans = new Recent<ClassPlan>(plansMax);
  /** Equal requests come in a row, and one is asked about more than once. */
  #last: ClassPlan | undefined;
  #lastRequest: PlacementRequest | undefined;
  #lastSignature = '';
  readonly #fills = new Map<string, FillIndex>();
  #uses = 0;

  constructor(snapshot: Snapshot, strategies: (name: StrategyName) => Strategy | undefined) {
    this.#snapshot = snapshot;
    this.#strategyOf = strategies;
  }

  of(request: PlacementRequest): ClassPlan {
    const signature = this.#snapshot.peers.signature(request);
    const last = this.#last;
    if (last !== undefined && request === this.#lastRequest && signature === this.#lastSignature) {
      return last;
    }
    this.#lastRequest = request;
    this.#lastSignature = signature;
    const key = signature === '' ? request.classKey : `${request.classKey} ${signature}`;
    if (last?.key === key) return last;
    const plan = this.#plans.get(key) ?? this.#newPlan(key, request);
    this.#last = plan;
    return plan;
  }

  /** Does a part of what a decision on the plan's request begins with when there is no order for it yet; true when all is done. */
  prepare(plan: ClassPlan, request: PlacementRequest): boolean {
    if (plan.layout !== this.#snapshot.columns.layout) this.#renew(plan, request);
    if (!plan.isOrdered) return true;
    plan.fill ??= this.#fillFor(request, plan);
    return plan.fill?.advance() ?? true;
  }

  /** What to ask the order that finds the class's best node, up to date; undefined where no order does. */
  queryOf(plan: ClassPlan, request: PlacementRequest): FillQuery | undefined {
    if (plan.layout !== this.#snapshot.columns.layout) this.#renew(plan, request);
    if (!plan.isOrdered) return undefined;
    plan.fill ??= this.#fillFor(request, plan);
    const { fill, gate } = plan;
    if (fill === undefined || !fill.catchUp()) return undefined;
    this.#uses += 1;
    fill.lastUse = this.#uses;
    if (gate !== undefined) gate.left = gateMax;
    const { scorer } = plan;
    if (plan.levels?.version !== fill.version) plan.levels = fill.levelsFor(request, scorer);
    return fill.queryOf(request, plan.levels, scorer);
  }

  #newPlan(key: string, request: PlacementRequest): ClassPlan {
    const plan: ClassPlan = {
      key,
      strategy: this.#strategyOf(request.strategy),
      named: namedNodes(request),
      scorer: undefined,
      isOrdered: false,
      gate: undefined,
      fill: undefined,
      levels: undefined,
      layout: -1,
      refusedAt: -1,
      reasons: undefined,
    };
    this.#plans.set(key, plan);
    return plan;
  }

  #renew(plan: ClassPlan, request: PlacementRequest): void {
    const { columns, peers } = this.#snapshot;
    const rules = domainRulesOf(peers, request);
    plan.layout = columns.layout;
    plan.scorer = plan.strategy?.scorer?.(this.#snapshot, request);
    plan.fill = undefined;
    plan.levels = undefined;
    plan.gate = rules.length === 0 ? undefined : gateOf(rules);
    plan.isOrdered = rules.every(({ refusesFew }) => refusesFew === true) && isPlain(request);
  }

  #fillFor(request: PlacementRequest, { strategy, scorer }: ClassPlan): FillIndex | undefined {
    const snapshot = this.#snapshot;
    if (scorer !== undefined) {
      const { isLevel = false, states } = scorer;
      // Other requests of the order may ask for other resources.
      const resources = Array.from(snapshot.columns.all(), ({ resource }) => resource).sort();
      const isScored = request.parts.every(({ dimension }) => dimension === 'gpu');
      if (!isScored || resources.length > resourcesMax) return undefined;
      if (isLevel) return this.#fill(`name ${resources.join(' ')}`, resources, () => keysByName());
      if (states === undefined) return undefined;
      const name = `state ${strategy?.name} ${resources.join(' ')}`;
      return this.#fill(name, resources, () => keysByName(states));
    }
    const order = strategy?.order;
    if (order === undefined || request.parts.length > 0) return undefined;
    const resources = request.amounts.map(({ resource }) => resource);
    const sign = order.by === 'leastUsed' ? 1 : -1;
    return this.#fill(`${order.by} ${resources.join(' ')}`, resources, () =>
      keysByUse(snapshot, resources, sign),
    );
  }

  #fill(key: string, resources: readonly string[], keys: () => NodeKeys): FillIndex {
    const known = this.#fills.get(key);
    if (known !== undefined) return known;
    const fill = new FillIndex(this.#snapshot, resources, keys());
    this.#makeRoom();
    this.#fills.set(key, fill);
    return fill;
  }

  /** Forgets those that were not asked for longest, and with them whoever would keep them in memory. */
  #makeRoom(): void {
    const { size } = this.#snapshot.columns;
    const most = Math.max(1, Math.min(fillsMax, Math.floor(fillNodesMax / size)));
    const byUse = [...this.#fills].sort(([, a], [, b]) => b.lastUse - a.lastUse);
    for (const [key, fill] of byUse.slice(most - 1)) {
      this.#fills.delete(key);
      for (const plan of this.#plans.values()) if (plan.fill === fill) plan.layout = -1;
    }
  }
}

/**
 * Whether amounts, traits and counts of the owner decide alone. A node selector may leave very few nodes, and these
 * an order would look for one by one.
 */
function isPlain(request: PlacementRequest): boolean {
  if (request.amounts.length > resourcesMax) return false;
  for (const constraint of nodeConstraints) {
    if (constraint !== maxPerNode && constraint.applies(request)) return false;
  }
  return true;
}

function gateOf(rules: readonly DomainRule[]): Gate {
  return {
    left: 0,
    opens: (node) => {
      for (const { topology, dislike } of rules) {
        if (dislike(topology.domainOf(node)) > 0) return false;
      }
      return true;
    },
  };
}
