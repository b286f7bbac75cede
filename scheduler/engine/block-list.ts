/** The nodes of one kind in order of (key, rank), as a row of blocks. */
import { type BlockPool, blockSize } from './block-pool.ts';

/** What the owner of a request says about nodes that have room. */
export interface NodeRules {
  /** How many instances of the owner the nodes have. */
  readonly counts: ReadonlyMap<number, number> | undefined;
  /** A node that has so many takes no more. */
  readonly limit: number;
  /** Nodes that have any come after all others of the same dislike, fewest first. */
  readonly fewestFirst: boolean;
  /** What else a node must answer to; undefined: nothing. */
  readonly gate: Gate | undefined;
}

/** A question that each node is asked only when it would be taken: few may be refused by it. */
export interface Gate {
  opens(node: number): boolean;
  /** How many more may be refused before the order is of no use; counted down. */
  left: number;
}

export class BlockList {
  readonly #pool: BlockPool;
  readonly #blocks: number[] = [];

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  /** At the end; for building from nodes that are in order. */
  push(node: number): void {
    const pool = this.#pool;
    let last = this.#blocks.at(-1);
    // Half full, so that what comes later finds room.
    if (last === undefined || (pool.lengths[last] ?? 0) >= blockSize / 2) {
      last = pool.add(this);
      this.#blocks.push(last);
    }
    pool.putAt(last, pool.lengths[last] ?? 0, node);
  }

  insert(node: number): void {
    const pool = this.#pool;
    const at = this.#placeFor(node);
    let block = this.#blocks[at];
    if (block === undefined) {
      this.push(node);
      return;
    }
    if (pool.isFull(block)) {
      const upper = pool.add(this);
      pool.halve(block, upper);
      this.#blocks.splice(at + 1, 0, upper);
      if (pool.endsBefore(block, node)) block = upper;
    }
    pool.putAt(block, pool.placeIn(block, node), node);
  }

  drop(block: number): void {
    this.#blocks.splice(this.#blocks.indexOf(block), 1);
  }

  /** The first node that has so much free and is not put last; -1 when there is none. */
  first(asked: Float64Array, rules: NodeRules): number {
    const pool = this.#pool;
    const blocks = this.#blocks;
    const { counts, gate } = rules;
    const most = mostOf(rules);
    for (let b = 0; b < blocks.length; b += 1) {
      const block = blocks[b] ?? 0;
      if (!pool.mayFit(block, asked)) continue;
      const start = block * blockSize;
      const end = start + (pool.lengths[block] ?? 0);
      for (let at = start; at < end; at += 1) {
        const node = pool.nodes[at] ?? 0;
        if (!pool.fits(node, asked)) continue;
        if (counts !== undefined && (counts.get(node) ?? 0) >= most) continue;
        if (gate === undefined || gate.opens(node)) return node;
        gate.left -= 1;
        if (gate.left < 0) return -1;
      }
      if (pool.loose[block] === 1) pool.tighten(block);
    }
    return -1;
  }

  /** The nodes that `first` would find one after the other, were each taken out when it is found; no gate is asked. */
  walk(asked: Float64Array, rules: NodeRules): Walk {
    return new Walk(this.#pool, this.#blocks, asked, rules);
  }

  /** Where the first block stands whose last node does not come before the node; else the last. */
  #placeFor(node: number): number {
    const pool = this.#pool;
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pool.endsBefore(blocks[middle] ?? 0, node)) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low);
  }
}

/** Goes over the nodes of a list that have room, in order, for as long as nothing is changed. */
export class Walk {
  /** Where it stands; -1 at the end. */
  node = -1;
  readonly #pool: BlockPool;
  readonly #blocks: readonly number[];
  readonly #asked: Float64Array;
  readonly #counts: NodeRules['counts'];
  readonly #most: number;
  #next = 0;
  #at = 0;
  #end = 0;

  constructor(pool: BlockPool, blocks: readonly number[], asked: Float64Array, rules: NodeRules) {
    this.#pool = pool;
    this.#blocks = blocks;
    this.#asked = asked;
    this.#counts = rules.counts;
    this.#most = mostOf(rules);
    this.step();
  }

  /** To the next node. */
  step(): void {
    const pool = this.#pool;
    const asked = this.#asked;
    const counts = this.#counts;
    do {
      while (this.#at < this.#end) {
        const node = pool.nodes[this.#at] ?? 0;
        this.#at += 1;
        if (!pool.fits(node, asked)) continue;
        if (counts !== undefined && (counts.get(node) ?? 0) >= this.#most) continue;
        this.node = node;
        return;
      }
    } while (this.#enterBlock());
    this.node = -1;
  }

  /** The next block that may have room; false at the end. */
  #enterBlock(): boolean {
    const pool = this.#pool;
    for (; this.#next < this.#blocks.length; this.#next += 1) {
      const block = this.#blocks[this.#next] ?? 0;
      if (!pool.mayFit(block, this.#asked)) continue;
      if (pool.loose[block] === 1) {
        pool.tighten(block);
        if (!pool.mayFit(block, this.#asked)) continue;
      }
      this.#next += 1;
      this.#at = block * blockSize;
      this.#end = this.#at + (pool.lengths[block] ?? 0);
      return true;
    }
    return false;
  }
}

/** A node that has so many of the owner is none of the first. */
function mostOf({ fewestFirst, limit }: NodeRules): number {
  return fewestFirst ? Math.min(1, limit) : limit;
}
