/**
 * Nodes in order of how much of them is used, for all requests that ask for one set of resources. Nodes of one kind
 * (equal traits, equal capacity) have the same order for every such request, because what is asked adds the same to
 * each of them: so the first that fits is the best of its kind, whatever the request. Nodes stand in blocks that know
 * the most that is free in them; a block that cannot hold the request is passed over.
 */
import { partOf } from '../dimensions/scalar.ts';
import type { FillOrder } from '../strategies/strategy.ts';
import { dislikeOf } from './evaluate.ts';
import { type Block, BlockList, type BlockView, type NodeRules } from './fill-blocks.ts';
import type { NodeRecord, NodeTraits, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

/** More kinds than this, and the order saves nothing over looking at every node. */
const kindsMax = 128;

interface Kind {
  readonly traits: NodeTraits;
  /** By resource, nominal. */
  readonly capacities: readonly number[];
  readonly list: BlockList;
}

export class FillIndex {
  readonly #snapshot: Snapshot;
  readonly #resources: readonly string[];
  /** Blocks are walked from their beginning: 1 puts the least used first, -1 the most used. */
  readonly #sign: 1 | -1;
  readonly #kinds: Kind[] = [];
  readonly #byName = new Map<NodeTraits, Map<string, Kind>>();
  /** By node index. */
  #kindOf: (Kind | undefined)[] = [];
  #records: (NodeRecord | undefined)[] = [];
  #nominals: readonly Float64Array[] = [];
  #blockOf: (Block | undefined)[] = [];
  #view: BlockView = {
    keys: new Int32Array(0),
    ranks: new Int32Array(0),
    capacities: [],
    useds: [],
  };
  readonly #changed: number[] = [];
  #layout = -1;
  #position = -1;

  constructor(snapshot: Snapshot, resources: readonly string[], by: FillOrder['by']) {
    this.#snapshot = snapshot;
    this.#resources = resources;
    this.#sign = by === 'leastUsed' ? 1 : -1;
  }

  /** False when the nodes are of too many kinds for this index to be of use. */
  catchUp(): boolean {
    const { columns, log, order } = this.#snapshot;
    const changed = this.#changed;
    changed.length = 0;
    const reaches =
      columns.layout === this.#layout && log.since(this.#position, (index) => changed.push(index));
    this.#view.ranks = order.ranks();
    if (!reaches) this.#rebuild();
    else {
      // All are taken out before any is put in: an index may stand for another node by now.
      for (let i = 0; i < changed.length; i += 1) this.#remove(changed[i] ?? 0);
      for (let i = 0; i < changed.length; i += 1) this.#insert(changed[i] ?? 0);
    }
    this.#position = log.position;
    if (this.#kinds.length <= kindsMax) return true;
    const inUse = this.#kinds.filter(({ list }) => list.blocks.length > 0).length;
    // Kinds that no node is of any more are forgotten when they are the most.
    if (inUse < this.#kinds.length / 2) this.#rebuild();
    return inUse <= kindsMax;
  }

  /** The best node now; call `catchUp` first. Undefined when none fits. */
  best(request: PlacementRequest, rules: NodeRules): number | undefined {
    const asked = new Float64Array(request.amounts.length);
    for (let k = 0; k < asked.length; k += 1) asked[k] = request.amounts[k]?.amount ?? 0;
    // As a rule there is one level of dislike: none.
    let level = Number.NEGATIVE_INFINITY;
    for (;;) {
      const kinds: Kind[] = [];
      let next = refused;
      for (const kind of this.#kinds) {
        if (kind.list.blocks.length === 0) continue;
        const dislike = dislikeOf(request, kind.traits);
        if (dislike <= level || dislike > next || dislike === refused) continue;
        if (dislike < next) kinds.length = 0;
        next = dislike;
        kinds.push(kind);
      }
      if (next === refused) return undefined;
      const found = this.#first(kinds, asked, rules) ?? this.#fewest(kinds, asked, rules);
      if (found !== undefined) return found;
      level = next;
    }
  }

  /**
   * The best nodes for equal requests that each go to another node, as Spread's do while there are nodes without any of
   * the owner: what is placed on one of them changes nothing about the others. As many as there are, `few` at most.
   */
  bestFew(request: PlacementRequest, rules: NodeRules, few: number): readonly number[] {
    const asked = Float64Array.from(request.amounts, ({ amount }) => amount);
    let least = refused;
    for (const { traits, list } of this.#kinds) {
      if (list.blocks.length > 0) least = Math.min(least, dislikeOf(request, traits));
    }
    if (least === refused) return [];
    const found = this.#kinds.flatMap(({ traits, list }) =>
      list.blocks.length > 0 && dislikeOf(request, traits) === least
        ? list.firstFew(asked, rules, few)
        : [],
    );
    const keys = new Map(found.map((index) => [index, this.#keyWith(index, asked)]));
    const order = (a: number, b: number) =>
      this.#precedes(keys.get(a) ?? 0, a, keys.get(b) ?? 0, b) ? -1 : 1;
    return found.sort(order).slice(0, few);
  }

  /** Of the nodes that are not put last. */
  #first(kinds: readonly Kind[], asked: Float64Array, rules: NodeRules): number | undefined {
    let best: number | undefined;
    let bestKey = 0;
    for (const kind of kinds) {
      const index = kind.list.first(asked, rules);
      if (index === undefined) continue;
      const key = this.#keyWith(index, asked);
      if (best !== undefined && !this.#precedes(key, index, bestKey, best)) continue;
      best = index;
      bestKey = key;
    }
    return best;
  }

  /** Of the nodes that are put last. */
  #fewest(kinds: readonly Kind[], asked: Float64Array, rules: NodeRules): number | undefined {
    const { counts, limit } = rules;
    if (!rules.fewestFirst || counts === undefined) return undefined;
    let best: number | undefined;
    let bestKey = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [index, count] of counts) {
      const kind = this.#kindOf[index];
      if (count > fewest || count >= limit || kind === undefined) continue;
      if (!kinds.includes(kind) || !kind.list.fits(index, asked)) continue;
      const key = this.#keyWith(index, asked);
      if (best !== undefined && count === fewest && !this.#precedes(key, index, bestKey, best)) {
        continue;
      }
      best = index;
      bestKey = key;
      fewest = count;
    }
    return best;
  }

  #precedes(keyA: number, a: number, keyB: number, b: number): boolean {
    const { ranks } = this.#view;
    return keyA === keyB ? (ranks[a] ?? 0) < (ranks[b] ?? 0) : keyA < keyB;
  }

  /** As its key will be after the placement. */
  #keyWith(index: number, asked: Float64Array): number {
    let sum = 0;
    const capacities = this.#kindOf[index]?.capacities ?? [];
    for (let k = 0; k < asked.length; k += 1) sum += partOf(capacities[k] ?? 0, asked[k] ?? 0);
    return (this.#view.keys[index] ?? 0) + this.#sign * sum;
  }

  #remove(index: number): void {
    const block = this.#blockOf[index];
    if (block === undefined) return;
    block.list.remove(index, block);
    this.#blockOf[index] = undefined;
  }

  #insert(index: number): void {
    const kind = this.#enter(index);
    if (kind === undefined) return;
    this.#blockOf[index] = kind.list.insert(index, this.#blockOf);
  }

  /** Notes kind and key; undefined where there is no such node. */
  #enter(index: number): Kind | undefined {
    const record = this.#snapshot.recordAt(index);
    if (record === undefined) return undefined;
    const known = this.#records[index] === record ? this.#kindOf[index] : undefined;
    const kind = known ?? this.#kindFor(record, index);
    this.#records[index] = record;
    this.#kindOf[index] = kind;
    const { useds, keys } = this.#view;
    let used = 0;
    for (let k = 0; k < useds.length; k += 1) {
      used += partOf(kind.capacities[k] ?? 0, useds[k]?.[index] ?? 0);
    }
    keys[index] = this.#sign * used;
    return kind;
  }

  #kindFor({ traits }: NodeRecord, index: number): Kind {
    const capacities = this.#nominals.map((column) => column[index] ?? 0);
    const alike = this.#byName.get(traits) ?? new Map<string, Kind>();
    this.#byName.set(traits, alike);
    const name = capacities.join(' ');
    const known = alike.get(name);
    if (known !== undefined) return known;
    const kind = { traits, capacities, list: new BlockList(this.#view) };
    alike.set(name, kind);
    this.#kinds.push(kind);
    return kind;
  }

  #rebuild(): void {
    const { columns, order } = this.#snapshot;
    this.#layout = columns.layout;
    this.#kinds.length = 0;
    this.#byName.clear();
    this.#records = new Array(columns.size).fill(undefined);
    this.#kindOf = new Array(columns.size).fill(undefined);
    this.#blockOf = new Array(columns.size).fill(undefined);
    const none = new Float64Array(columns.size);
    const held = this.#resources.map((resource) => columns.get(resource));
    this.#nominals = held.map((column) => column?.nominal ?? none);
    this.#view = {
      keys: new Int32Array(columns.size),
      ranks: order.ranks(),
      capacities: held.map((column) => column?.capacity ?? none),
      useds: held.map((column) => column?.used ?? none),
    };
    const { keys } = this.#view;
    const nodes = Int32Array.from(order.indices());
    for (const index of nodes) this.#enter(index);
    // In order of names before, and stable: equal keys stay in that order.
    nodes.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    for (const index of nodes) this.#blockOf[index] = this.#kindOf[index]?.list.push(index);
  }
}
