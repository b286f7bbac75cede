/** The lists of an index, one for each kind of nodes, and in what order a request looks at them. */
import { maxCost, type NodeState, type NodeStates, type Scorer } from '../strategies/strategy.ts';
import { BlockList } from './block-list.ts';
import type { BlockPool } from './block-pool.ts';
import { dislikeOf } from './evaluate.ts';
import type { NodeShape } from './node-shapes.ts';
import type { NodeTraits, PlacementRequest } from './request.ts';
import { refused } from './verdict.ts';

/** Nodes that a request tells from one another by their keys and by what is free on them only. */
export interface Kind {
  readonly traits: NodeTraits;
  /** By resource. */
  readonly nominals: Float64Array;
  /** Undefined where kinds are not told by states. */
  readonly state: NodeState | undefined;
  readonly list: BlockList;
}

/** Kinds that are as good for a request. */
export interface Level {
  readonly cost: number;
  readonly kinds: Kind[];
}

/** For all requests that ask the same of traits and states. True while `version` is that of the index. */
export interface Levels {
  readonly version: number;
  /** Kinds that are not refused, the best first. */
  readonly list: Level[];
  /** How many of the kinds are in the list, or were refused. */
  seen: number;
}

export interface KindsOptions {
  readonly resources: readonly string[];
  /** Whether nodes of different capacities are of different kinds. */
  readonly byCapacity: boolean;
  readonly states: NodeStates | undefined;
}

export class Kinds {
  readonly #options: KindsOptions;
  readonly #pool: BlockPool;
  #all: Kind[] = [];
  /** By shape, and by the key of the state; what is empty is in neither after `sweep`. */
  readonly #known = new Map<NodeShape, Map<string, Kind>>();

  constructor(options: KindsOptions, pool: BlockPool) {
    this.#options = options;
    this.#pool = pool;
  }

  get count(): number {
    return this.#all.length;
  }

  /** The kind of a node as it is now. */
  of(index: number, shape: NodeShape): Kind {
    const { states } = this.#options;
    let ofShape = this.#known.get(shape);
    if (ofShape === undefined) {
      ofShape = new Map();
      this.#known.set(shape, ofShape);
    }
    const key = states?.keyAt(index) ?? '';
    let kind = ofShape.get(key);
    if (kind === undefined) {
      kind = this.#alike(shape, key) ?? this.#add(index, shape);
      ofShape.set(key, kind);
    }
    return kind;
  }

  /** Forgets kinds that no node is of any more. Queries from before are of no use then. */
  sweep(): void {
    this.#all = this.#all.filter(({ list }) => !list.isEmpty);
    for (const [shape, ofShape] of this.#known) {
      for (const [key, { list }] of ofShape) if (list.isEmpty) ofShape.delete(key);
      if (ofShape.size === 0) this.#known.delete(shape);
    }
  }

  /** Brings levels up to date with the kinds that have come since. */
  level(levels: Levels, request: PlacementRequest, scorer: Scorer | undefined): void {
    let traits: NodeTraits | undefined;
    let dislike = 0;
    for (; levels.seen < this.#all.length; levels.seen += 1) {
      const kind = this.#all[levels.seen];
      if (kind === undefined) continue;
      // Neighbours are alike as a rule.
      if (kind.traits !== traits) dislike = dislikeOf(request, kind.traits);
      traits = kind.traits;
      if (dislike === refused) continue;
      const own = kind.state === undefined ? 0 : (scorer?.costOf?.(kind.state) ?? 0);
      if (own !== refused) enlist(levels.list, kind, dislike * maxCost + own);
    }
  }

  /** Shapes that differ in nothing which matters here have their nodes in one list. */
  #alike({ traits, nominals }: NodeShape, key: string): Kind | undefined {
    const { byCapacity, resources } = this.#options;
    return this.#all.find(
      (kind) =>
        kind.traits === traits &&
        (kind.state?.key ?? '') === key &&
        (!byCapacity ||
          resources.every((name, k) => kind.nominals[k] === (nominals.get(name) ?? 0))),
    );
  }

  #add(index: number, { traits, nominals: given }: NodeShape): Kind {
    const { resources, states } = this.#options;
    const nominals = Float64Array.from(resources, (name) => given.get(name) ?? 0);
    const kind = { traits, nominals, state: states?.at(index), list: new BlockList(this.#pool) };
    this.#all.push(kind);
    return kind;
  }
}

function enlist(levels: Level[], kind: Kind, cost: number): void {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((levels[middle]?.cost ?? refused) < cost) low = middle + 1;
    else high = middle;
  }
  const level = levels[low];
  if (level?.cost === cost) level.kinds.push(kind);
  else levels.splice(low, 0, { cost, kinds: [kind] });
}
