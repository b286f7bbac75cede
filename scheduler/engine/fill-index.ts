/**
 * Nodes in an order that many classes of requests share, so that a change is brought up to date once for all of them.
 * Nodes of one kind stand in one list, and the first in it that fits is the best of its kind, whatever the request; the
 * best of each kind are compared. Lists are made of blocks that know the most that is free in them; a block that
 * cannot hold the request is passed over.
 */
import type { Scorer } from '../strategies/strategy.ts';
import type { NodeRules, Walk } from './block-list.ts';
import { BlockPool } from './block-pool.ts';
import type { Changes } from './change-log.ts';
import { type Kind, Kinds, type Level, type Levels } from './kinds.ts';
import type { NodeKeys } from './node-keys.ts';
import type { NodeShape } from './node-shapes.ts';
import { Recent } from './recent.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

/** More kinds than this, and the order saves nothing over looking at every node. */
const kindsMax = 128;

/** The same where kinds are told by states: of most of them nodes are few, and a request looks at the best only. */
const statesMax = 4096;

/** Kinds are weighed anew after a sweep. */
const sweepMin = 256;

/** What a request asks an index; true until the next one asks. */
export interface FillQuery {
  /** By resource of the index. */
  readonly asked: Float64Array;
  readonly levels: readonly Level[];
}

export class FillIndex {
  /** For whoever forgets the one not used longest. */
  lastUse = 0;
  readonly #snapshot: Snapshot;
  readonly #resources: readonly string[];
  readonly #keys: NodeKeys;
  #kinds: Kinds;
  /** Kinds that no node is of any more are looked for when there are more than so many. */
  #sweepAt = sweepMin;
  /** By node index; undefined where there is none. */
  #kindOf: (Kind | undefined)[] = [];
  #shapeOf: (NodeShape | undefined)[] = [];
  #pool = new BlockPool(0, noRows, new Int32Array(0), new Int32Array(0));
  readonly #levels = new Recent<Levels>(levelsMax);
  readonly #asked: Float64Array;
  #building: Building | undefined;
  #version = 0;
  #isOfUse = true;
  #layout = -1;
  #position = -1;
  #orderVersion = -1;

  constructor(snapshot: Snapshot, resources: readonly string[], keys: NodeKeys) {
    this.#snapshot = snapshot;
    this.#resources = resources;
    this.#keys = keys;
    this.#asked = new Float64Array(resources.length);
    this.#kinds = this.#newKinds();
  }

  /** Grows when kinds have gone. */
  get version(): number {
    return this.#version;
  }

  /**
   * Builds the order a part at a time, or brings it up to date with much that has changed, so that nobody waits long for
   * it; true when little or nothing is left. Nodes may change meanwhile. Whoever does not ask for parts gets the whole
   * with `catchUp`.
   */
  advance(): boolean {
    const { columns } = this.#snapshot;
    if (columns.layout === this.#layout) return this.#mend();
    if (this.#building?.layout !== columns.layout) this.#building = this.#begin();
    const building = this.#building;
    const part = building.parts.next();
    if (part.done !== true) return false;
    this.#building = undefined;
    this.#layout = building.layout;
    this.#position = building.position;
    this.#orderVersion = -1;
    return this.#mend();
  }

  /** False when the nodes are of too many kinds for this index to be of use. */
  catchUp(): boolean {
    while (!this.advance());
    const { log, order } = this.#snapshot;
    const isSameOrder = order.version === this.#orderVersion;
    if (isSameOrder && this.#position === log.position) return this.#isOfUse;
    this.#pool.ranks = order.ranks();
    this.#replace(log.changedSince(this.#position) ?? noChanges, isSameOrder);
    this.#position = log.position;
    this.#orderVersion = order.version;
    const most = this.#keys.states === undefined ? kindsMax : statesMax;
    if (this.#kinds.count > Math.min(most, this.#sweepAt)) this.#sweep();
    this.#isOfUse = this.#kinds.count <= most;
    return this.#isOfUse;
  }

  /** Call `catchUp` first, as before all that follows; `scorer` where kinds are told by states. */
  levelsFor(request: PlacementRequest, scorer: Scorer | undefined): Levels {
    const { columns } = this.#snapshot;
    const isKnown = request.amounts.every(
      ({ resource }) => this.#resources.includes(resource) && columns.get(resource) !== undefined,
    );
    const none = { version: this.#version, seen: Number.POSITIVE_INFINITY, list: [] };
    if (!isKnown) return none;
    const key = JSON.stringify([request.runtime, request.tolerations, scorer?.order]);
    const known = this.#levels.get(key);
    if (known?.version === this.#version) return known;
    const levels = { version: this.#version, seen: 0, list: [] };
    this.#levels.set(key, levels);
    return levels;
  }

  queryOf(request: PlacementRequest, levels: Levels, scorer: Scorer | undefined): FillQuery {
    this.#kinds.level(levels, request, scorer);
    const { amounts } = request;
    const asked = this.#asked;
    const resources = this.#resources;
    // What is not asked for is never too little, also where more was taken by force than there is.
    if (amounts.length < resources.length) asked.fill(Number.NEGATIVE_INFINITY);
    // Both are in order of names.
    let k = 0;
    for (const { resource, amount } of amounts) {
      while (k < resources.length && resources[k] !== resource) k += 1;
      asked[k] = amount;
    }
    return { asked, levels: levels.list };
  }

  /** The best node now; undefined when none fits. */
  best({ asked, levels }: FillQuery, rules: NodeRules): number | undefined {
    for (let l = 0; l < levels.length; l += 1) {
      const kinds = levels[l]?.kinds ?? [];
      const found = this.#first(kinds, asked, rules);
      if (found !== none) return found;
      const last = this.#fewest(kinds, asked, rules);
      if (last !== none) return last;
    }
    return undefined;
  }

  /**
   * The nodes that equal requests go to one after the other, as far as one pass over the order tells them; `many` at most.
   * It tells where each goes to another node, as Spread's do while there are nodes without any of the owner; and where
   * a node that has taken one stays the first as long as it has room.
   */
  layOut({ asked, levels }: FillQuery, rules: NodeRules, many: number): readonly number[] {
    const { fewestFirst } = rules;
    const slots: number[] = [];
    if (!fewestFirst && !this.#keys.staysFirst) return slots;
    for (const { kinds } of levels) {
      const walks = kinds.map(({ list }) => list.walk(asked, rules));
      for (let walk = this.#ahead(walks, asked); walk !== undefined; ) {
        const { node } = walk;
        let times = fewestFirst ? 1 : this.#roomAt(node, asked, rules);
        for (; times > 0 && slots.length < many; times -= 1) slots.push(node);
        if (slots.length >= many) return slots;
        walk.step();
        walk = this.#ahead(walks, asked);
      }
      // A node that has one already comes before all those that are disliked more.
      if (fewestFirst && kinds.some(({ list }) => !list.isEmpty)) return slots;
    }
    return slots;
  }

  /** The one that stands at the best node; undefined when all are at their end. */
  #ahead(walks: readonly Walk[], asked: Float64Array): Walk | undefined {
    let ahead: Walk | undefined;
    let bestKey = 0;
    for (let w = 0; w < walks.length; w += 1) {
      const walk = walks[w];
      if (walk === undefined || walk.node === none) continue;
      const key = this.#keyWith(walk.node, asked);
      if (ahead !== undefined && !this.#precedes(key, walk.node, bestKey, ahead.node)) continue;
      ahead = walk;
      bestKey = key;
    }
    return ahead;
  }

  /** How many more of them the node takes. */
  #roomAt(node: number, asked: Float64Array, { counts, limit }: NodeRules): number {
    return Math.min(this.#pool.times(node, asked), limit - (counts?.get(node) ?? 0));
  }

  /** Of the nodes that are not put last. */
  #first(kinds: readonly Kind[], asked: Float64Array, rules: NodeRules): number {
    let best = none;
    let bestKey = 0;
    for (const { list } of kinds) {
      if (list.isEmpty) continue;
      const index = list.first(asked, rules);
      if (index === none) continue;
      const key = this.#keyWith(index, asked);
      if (best !== none && !this.#precedes(key, index, bestKey, best)) continue;
      best = index;
      bestKey = key;
    }
    return best;
  }

  /** Of the nodes that are put last. */
  #fewest(kinds: readonly Kind[], asked: Float64Array, rules: NodeRules): number {
    const { counts, limit, fewestFirst } = rules;
    if (!fewestFirst || counts === undefined) return none;
    let best = none;
    let bestKey = 0;
    let fewest = Number.POSITIVE_INFINITY;
    const { gate } = rules;
    for (const [index, count] of counts) {
      const kind = this.#kindOf[index];
      if (count > fewest || count >= limit || kind === undefined) continue;
      if (!kinds.includes(kind) || !this.#pool.fits(index, asked)) continue;
      const key = this.#keyWith(index, asked);
      if (best !== none && count === fewest && !this.#precedes(key, index, bestKey, best)) {
        continue;
      }
      if (gate !== undefined && !gate.opens(index)) continue;
      best = index;
      bestKey = key;
      fewest = count;
    }
    return best;
  }

  #precedes(keyA: number, a: number, keyB: number, b: number): boolean {
    const { ranks } = this.#pool;
    return keyA === keyB ? (ranks[a] ?? 0) < (ranks[b] ?? 0) : keyA < keyB;
  }

  /** As its key will be after the placement. */
  #keyWith(index: number, asked: Float64Array): number {
    const kind = this.#kindOf[index];
    const more = kind === undefined ? 0 : this.#keys.more(kind.nominals, asked);
    return (this.#pool.keyOf[index] ?? 0) + more;
  }

  /** Heeds a part of what changed since the order stood; true when little is left. */
  #mend(): boolean {
    const { log, order } = this.#snapshot;
    const behind = log.position - this.#position;
    if (behind <= partSize) return true;
    if (order.version === this.#orderVersion) {
      const until = this.#position + partSize;
      const changes = log.changedSince(this.#position, until);
      if (changes !== undefined) {
        this.#replace(changes, true);
        this.#position = until;
        return false;
      }
    }
    // Where nodes came or went, all that changed are taken out before any is put in: at once, or by building anew.
    if (behind <= atOnceMax) return true;
    this.#layout = -1;
    return false;
  }

  /** Puts nodes where they belong now; those that stay where they are only tell what is free on them. */
  #replace({ nodes, count }: Changes, isSameOrder: boolean): void {
    const pool = this.#pool;
    let moving = 0;
    // All are taken out before any is put in: an index may stand for another node by now.
    for (let i = 0; i < count; i += 1) {
      const node = nodes[i] ?? 0;
      const kind = this.#kindOf[node];
      const key = pool.keyOf[node];
      this.#enter(node);
      const stays = isSameOrder && kind === this.#kindOf[node] && key === pool.keyOf[node];
      if (stays && pool.touch(node)) continue;
      pool.remove(node);
      nodes[moving] = node;
      moving += 1;
    }
    for (let i = 0; i < moving; i += 1) {
      const node = nodes[i] ?? 0;
      this.#kindOf[node]?.list.insert(node);
    }
  }

  /** Notes what is known of a node; false where there is none. */
  #enter(index: number): boolean {
    const shape = this.#snapshot.shapeAt(index);
    if (shape !== this.#shapeOf[index] || this.#keys.states !== undefined) {
      this.#shapeOf[index] = shape;
      this.#kindOf[index] = shape === undefined ? undefined : this.#kinds.of(index, shape);
    }
    const kind = this.#kindOf[index];
    if (kind === undefined) return false;
    this.#pool.keyOf[index] = this.#keys.of(index, kind.nominals);
    return true;
  }

  #newKinds(): Kinds {
    const { byCapacity, states } = this.#keys;
    return new Kinds({ resources: this.#resources, byCapacity, states }, this.#pool);
  }

  #sweep(): void {
    this.#kinds.sweep();
    this.#sweepAt = Math.max(sweepMin, 2 * this.#kinds.count);
    this.#version += 1;
  }

  #begin(): Building {
    const { columns, log } = this.#snapshot;
    return { layout: columns.layout, position: log.position, parts: this.#build() };
  }

  /** Pauses after each part. What changes in the pauses is in the log, and is put right by the first `catchUp`. */
  *#build(): Generator<undefined, void> {
    const { columns, order } = this.#snapshot;
    const { size } = columns;
    this.#version += 1;
    this.#kindOf = new Array(size).fill(undefined);
    this.#shapeOf = new Array(size).fill(undefined);
    const ranks = order.ranks();
    yield;
    const places = columns.placesOf(this.#resources);
    this.#pool = new BlockPool(size, columns.rows, places, ranks);
    this.#kinds = this.#newKinds();
    this.#keys.renew();
    yield;
    // Keys are whole numbers, so key and place in the order of names make one number, and numbers sort fast.
    const all = order.indices().slice();
    const standings = new Float64Array(all.length);
    let count = 0;
    for (let place = 0; place < all.length; place += 1) {
      const index = all[place] ?? 0;
      if (place % partSize === partSize - 1) yield;
      if (!this.#enter(index)) continue;
      standings[count] = (this.#pool.keyOf[index] ?? 0) * placesMax + place;
      count += 1;
    }
    yield;
    const sorted = standings.subarray(0, count).sort();
    for (let i = 0; i < count; i += 1) {
      if (i % partSize === 0) yield;
      const standing = sorted[i] ?? 0;
      const place = standing - Math.floor(standing / placesMax) * placesMax;
      const index = all[place] ?? 0;
      this.#kindOf[index]?.list.push(index);
    }
  }
}

/** An order that does not stand yet. */
interface Building {
  readonly layout: number;
  /** Where the log stood at the beginning. */
  readonly position: number;
  readonly parts: Generator<undefined, void>;
}

/** Nodes that are looked at, or changes that are heeded, in one part: a millisecond or two, also before the code is compiled. */
const partSize = 512;

/** So many changes are heeded in one part where nodes came or went. */
const atOnceMax = 2048;

const none = -1;

const noChanges: Changes = { nodes: new Int32Array(0), count: 0 };

const noRows = { cells: new Float64Array(0), limits: new Float64Array(0), span: 0 };

/** Ways to ask about traits and states that are remembered. */
const levelsMax = 256;

/** More nodes than there ever are; with the highest key it is still an exact double. */
const placesMax = 2 ** 20;
