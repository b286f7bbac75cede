/** Snapshot and request in, decision or reasons out. Pure: no clock, no I/O, no chance. */

import type { JsonValue } from '../../api/meta.ts';
import { nodeConstraints } from '../constraints/built-in.ts';
import { maxPerNode } from '../constraints/max-per-node.ts';
import { strategyOf } from '../strategies/built-in.ts';
import type { FillOrder, Strategy } from '../strategies/strategy.ts';
import { ClassIndex } from './class-index.ts';
import type { Decision, Placed } from './decision.ts';
import { reasonsOf, unavailable } from './explain.ts';
import type { NodeRules } from './fill-blocks.ts';
import { FillIndex } from './fill-index.ts';
import { decideGroup } from './group.ts';
import type { Reasons } from './reasons.ts';
import type { Allocation, Layout, PlacementRequest, StrategyName } from './request.ts';
import type { Snapshot } from './snapshot.ts';

export type { Decision, Placed } from './decision.ts';

/** Costs kept over all indices, one per node and class: 12 bytes each. */
const indexedCostsMax = 8_000_000;

/** Requests for more resources than this are not put in order: keys must not grow past 32 bits. */
const resourcesMax = 64;

/** Indices over all nodes, one per set of resources and order. */
const fillIndicesMax = 16;

/** Fewer replicas are decided one by one. */
const fewMin = 4;
/** Refusals whose reasons are kept. */
const refusalsMax = 1024;

export class Engine {
  readonly snapshot: Snapshot;
  readonly #strategyOf: (name: StrategyName) => Strategy | undefined;
  /** In order of last use, as all that is kept here. */
  readonly #classes = new Map<string, ClassIndex>();
  readonly #fills = new Map<string, FillIndex>();
  /** Equal replicas come in a row. */
  #last: { readonly classKey: string; readonly fill: FillIndex } | undefined;
  /** By class, and where the log stood: nothing has changed while it stands there still. */
  readonly #refusals = new Map<string, { readonly position: number; reasons?: Reasons }>();

  constructor(snapshot: Snapshot, strategies = strategyOf) {
    this.snapshot = snapshot;
    this.#strategyOf = strategies;
  }

  /** Where it would go now, or why nowhere; the snapshot is not changed. */
  schedule(request: PlacementRequest): Decision {
    const { layout } = request;
    if (layout !== undefined) return this.#scheduleOne(request, layout);
    return this.place(request) ?? { type: 'refused', reasons: this.#reasonsOf(request) };
  }

  /** As `schedule`, but undefined where it is refused: reasons look at every node, and not everyone asks. */
  place(request: PlacementRequest): Placed | undefined {
    if (request.layout !== undefined) {
      const decision = this.#scheduleOne(request, request.layout);
      return decision.type === 'placed' ? decision : undefined;
    }
    const strategy = this.#strategyOf(request.strategy);
    if (strategy === undefined) return undefined;
    const { position } = this.snapshot.log;
    const classKey = this.#classOf(request);
    if (this.#refusals.get(classKey)?.position === position) return undefined;
    const index = this.#bestFor(request, strategy, classKey);
    const record = index === undefined ? undefined : this.snapshot.recordAt(index);
    if (index === undefined || record === undefined) {
      use(this.#refusals, classKey, { position }, refusalsMax);
      return undefined;
    }
    const allocation = this.#allocate(request, strategy, index);
    return { type: 'placed', node: record.name, allocation };
  }

  /**
   * Decides one after the other, each knowing of those before; of a layout, all together, for then they are of one
   * class. What was placed is assumed in the snapshot; release it there if it is not carried out.
   */
  scheduleBatch(requests: readonly PlacementRequest[]): readonly Decision[] {
    const [first] = requests;
    if (first?.layout !== undefined && requests.every((each) => isAlike(each, first))) {
      return decideGroup(this.snapshot, requests, first.layout);
    }
    const few = this.#fewFor(requests);
    return requests.map((request, i) => {
      const name = few[i] === undefined ? undefined : this.snapshot.recordAt(few[i])?.name;
      const decision: Decision =
        name === undefined
          ? this.schedule(request)
          : { type: 'placed', node: name, allocation: {} };
      if (decision.type === 'placed') {
        this.snapshot.assume(request, decision.node, decision.allocation);
      }
      return decision;
    });
  }

  /** Where equal replicas go that are laid out over as many nodes; the others of them are decided one by one. */
  #fewFor(requests: readonly PlacementRequest[]): readonly number[] {
    const [request] = requests;
    const order = request === undefined ? undefined : this.#strategyOf(request.strategy)?.order;
    if (request?.owner === undefined || order?.fewestOfOwner !== true) return [];
    if (!requests.every((each) => isAlike(each, request))) return [];
    if (requests.length < fewMin || !isPlain(request)) return [];
    if (this.snapshot.peers.signature(request) !== '') return [];
    const fill = this.#fillFor(request, order);
    if (!fill.catchUp()) return [];
    return fill.bestFew(request, rulesOf(this.snapshot, request, order), requests.length);
  }

  #scheduleOne(request: PlacementRequest, layout: Layout): Decision {
    const [decision] = decideGroup(this.snapshot, [request], layout);
    this.snapshot.release(request.uid);
    return decision ?? { type: 'refused', reasons: unavailable(this.snapshot, request) };
  }

  /** Requests of one class every node answers alike, whatever others say about them. */
  #classOf(request: PlacementRequest): string {
    const signature = this.snapshot.peers.signature(request);
    return signature === '' ? request.classKey : `${request.classKey} ${signature}`;
  }

  #bestFor(request: PlacementRequest, strategy: Strategy, classKey: string): number | undefined {
    const { snapshot } = this;
    const { order } = strategy;
    const isOrdered = order !== undefined && classKey === request.classKey && isPlain(request);
    if (isOrdered && strategy.scorer?.(snapshot, request) === undefined) {
      const fill = this.#fillFor(request, order);
      if (fill.catchUp()) return fill.best(request, rulesOf(snapshot, request, order));
    }
    const index = this.#classes.get(classKey) ?? new ClassIndex(snapshot, request, strategy);
    use(this.#classes, classKey, index, Math.floor(indexedCostsMax / snapshot.columns.size));
    return index.best();
  }

  #fillFor(request: PlacementRequest, order: FillOrder): FillIndex {
    if (this.#last?.classKey === request.classKey) return this.#last.fill;
    const resources = request.amounts.map(({ resource }) => resource);
    const key = `${order.by} ${resources.join(' ')}`;
    const fill = this.#fills.get(key) ?? new FillIndex(this.snapshot, resources, order.by);
    use(this.#fills, key, fill, fillIndicesMax);
    this.#last = { classKey: request.classKey, fill };
    return fill;
  }

  #reasonsOf(request: PlacementRequest): Reasons {
    const { snapshot } = this;
    const { position } = snapshot.log;
    const known = this.#refusals.get(this.#classOf(request));
    if (known?.position !== position) return unavailable(snapshot, request);
    known.reasons ??= reasonsOf(snapshot, request);
    return known.reasons;
  }

  #allocate(request: PlacementRequest, strategy: Strategy, index: number): Allocation {
    if (request.parts.length === 0) return {};
    const scorer = strategy.scorer?.(this.snapshot, request);
    const pieces: [string, JsonValue][] = [];
    for (const { dimension, need } of request.parts) {
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

/**
 * Whether amounts, traits and counts of the owner decide alone. A node selector may leave very few nodes, and these
 * the order by use would look for one by one.
 */
function isPlain(request: PlacementRequest): boolean {
  if (request.parts.length > 0 || request.amounts.length > resourcesMax) return false;
  for (const constraint of nodeConstraints) {
    if (constraint !== maxPerNode && constraint.applies(request)) return false;
  }
  return true;
}

function rulesOf(snapshot: Snapshot, request: PlacementRequest, order: FillOrder): NodeRules {
  const { owner, maxPerNode: limit = Number.POSITIVE_INFINITY } = request;
  const counts = owner === undefined ? undefined : snapshot.ownerCounts(owner);
  return { counts, limit, fewestFirst: order.fewestOfOwner };
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
