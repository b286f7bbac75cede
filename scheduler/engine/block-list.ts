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
    const most = rules.fewestFirst ? Math.min(1, rules.limit) : rules.limit;
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

  /** The first `few` that `first` would find if it was asked for the next, added to `found`. */
  firstFew(asked: Float64Array, rules: NodeRules, few: number, found: number[]): void {
    const pool = this.#pool;
    const { counts, limit } = rules;
    const most = Math.min(1, limit);
    const enough = found.length + few;
    for (const block of this.#blocks) {
      if (!pool.mayFit(block, asked)) continue;
      const start = block * blockSize;
      const end = start + (pool.lengths[block] ?? 0);
      for (let at = start; at < end; at += 1) {
        const node = pool.nodes[at] ?? 0;
        if (!pool.fits(node, asked)) continue;
        if (counts !== undefined && (counts.get(node) ?? 0) >= most) continue;
        if (found.push(node) === enough) return;
      }
      if (pool.loose[block] === 1) pool.tighten(block);
    }
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
