/** Node indices in order of (key, rank), in blocks that each know the most that is free of every resource. */

/** What all blocks of an index look at; the arrays are those of the index, by node. */
export interface BlockView {
  readonly keys: Int32Array;
  /** Place in the order of names, for equal keys. */
  ranks: Int32Array;
  /** By resource, then by node. */
  readonly capacities: readonly Float64Array[];
  readonly useds: readonly Float64Array[];
}

/** What the owner of a request says about nodes that have room. */
export interface NodeRules {
  /** How many instances of the owner the nodes have. */
  readonly counts: ReadonlyMap<number, number> | undefined;
  /** A node that has so many takes no more. */
  readonly limit: number;
  /** Nodes that have any come after all others of the same dislike, fewest first. */
  readonly fewestFirst: boolean;
}

const blockSize = 64;

export class Block {
  readonly nodes = new Int32Array(blockSize);
  readonly list: BlockList;
  length = 0;
  /** By resource; never too low, and too high only while `loose`. */
  readonly most: Float64Array;
  loose = false;

  constructor(list: BlockList, width: number) {
    this.list = list;
    this.most = new Float64Array(width);
  }
}

export class BlockList {
  readonly blocks: Block[] = [];
  readonly #view: BlockView;

  constructor(view: BlockView) {
    this.#view = view;
  }

  /** At the end; for building from nodes that are in order. */
  push(node: number): Block {
    let last = this.blocks.at(-1);
    // Half full, so that what comes later finds room.
    if (last === undefined || last.length >= blockSize / 2) {
      last = new Block(this, this.#view.useds.length);
      this.blocks.push(last);
    }
    last.nodes[last.length] = node;
    last.length += 1;
    this.#raise(last, node);
    return last;
  }

  /** Returns where it stands now; `blockOf` is told of every other node that got into another block. */
  insert(node: number, blockOf: (Block | undefined)[]): Block {
    if (this.blocks.length === 0) return this.push(node);
    const at = this.#blockFor(node);
    let block = this.blocks[at] ?? this.push(node);
    if (block.length === blockSize) {
      const upper = this.#split(at, block, blockOf);
      if (this.#precedes(upper.nodes[0] ?? 0, node)) block = upper;
    }
    const place = this.#placeIn(block, node);
    block.nodes.copyWithin(place + 1, place, block.length);
    block.nodes[place] = node;
    block.length += 1;
    this.#raise(block, node);
    return block;
  }

  remove(node: number, block: Block): void {
    const place = block.nodes.indexOf(node);
    if (place < 0 || place >= block.length) return;
    block.nodes.copyWithin(place, place + 1, block.length);
    block.length -= 1;
    block.loose = true;
    if (block.length === 0) this.blocks.splice(this.blocks.indexOf(block), 1);
  }

  /** The first node that has so much free and is not put last; undefined when there is none. */
  first(asked: Float64Array, rules: NodeRules): number | undefined {
    return this.firstFew(asked, rules, 1)[0];
  }

  /** As `first`, so many of them at most. */
  firstFew(
    asked: Float64Array,
    { counts, limit, fewestFirst }: NodeRules,
    few: number,
  ): readonly number[] {
    const found: number[] = [];
    const most = fewestFirst ? Math.min(1, limit) : limit;
    const { blocks } = this;
    for (let b = 0; b < blocks.length; b += 1) {
      const block = blocks[b];
      if (block === undefined || !exceeds(block.most, asked)) continue;
      for (let i = 0; i < block.length; i += 1) {
        const node = block.nodes[i] ?? 0;
        if (!this.fits(node, asked)) continue;
        if (counts !== undefined && (counts.get(node) ?? 0) >= most) continue;
        if (found.push(node) === few) return found;
      }
      if (block.loose) this.#tighten(block);
    }
    return found;
  }

  fits(node: number, asked: Float64Array): boolean {
    const { capacities, useds } = this.#view;
    for (let k = 0; k < asked.length; k += 1) {
      const free = (capacities[k]?.[node] ?? 0) - (useds[k]?.[node] ?? 0);
      if ((asked[k] ?? 0) > free) return false;
    }
    return true;
  }

  /** The first block whose last node does not come before `node`, or the last block. */
  #blockFor(node: number): number {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.blocks[middle];
      const last = block?.nodes[block.length - 1] ?? 0;
      if (this.#precedes(last, node)) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low);
  }

  #placeIn(block: Block, node: number): number {
    let low = 0;
    let high = block.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#precedes(block.nodes[middle] ?? 0, node)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #split(at: number, lower: Block, blockOf: (Block | undefined)[]): Block {
    const upper = new Block(this, this.#view.useds.length);
    const half = lower.length >>> 1;
    upper.nodes.set(lower.nodes.subarray(half, lower.length));
    upper.length = lower.length - half;
    lower.length = half;
    this.#tighten(lower);
    this.#tighten(upper);
    for (let i = 0; i < upper.length; i += 1) blockOf[upper.nodes[i] ?? 0] = upper;
    this.blocks.splice(at + 1, 0, upper);
    return upper;
  }

  #precedes(a: number, b: number): boolean {
    const { keys, ranks } = this.#view;
    const keyA = keys[a] ?? 0;
    const keyB = keys[b] ?? 0;
    return keyA === keyB ? (ranks[a] ?? 0) < (ranks[b] ?? 0) : keyA < keyB;
  }

  #raise(block: Block, node: number): void {
    const { capacities, useds } = this.#view;
    for (let k = 0; k < useds.length; k += 1) {
      const free = (capacities[k]?.[node] ?? 0) - (useds[k]?.[node] ?? 0);
      if (block.length === 1 || free > (block.most[k] ?? 0)) block.most[k] = free;
    }
  }

  #tighten(block: Block): void {
    const { capacities, useds } = this.#view;
    for (let k = 0; k < useds.length; k += 1) {
      const capacity = capacities[k];
      const used = useds[k];
      let most = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < block.length; i += 1) {
        const node = block.nodes[i] ?? 0;
        const free = (capacity?.[node] ?? 0) - (used?.[node] ?? 0);
        if (free > most) most = free;
      }
      block.most[k] = most;
    }
    block.loose = false;
  }
}

/** Whether every one of `most` is at least what is asked. */
function exceeds(most: Float64Array, asked: Float64Array): boolean {
  for (let k = 0; k < asked.length; k += 1) {
    if ((most[k] ?? 0) < (asked[k] ?? 0)) return false;
  }
  return true;
}
