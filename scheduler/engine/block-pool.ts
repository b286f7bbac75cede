/**
 * Blocks of node indices in order of (key, rank), each knowing the most that is free of every resource in it. All blocks
 * of an index share a few typed arrays and are known by number: a node changes places without a new object.
 */

import type { Rows } from './columns.ts';

export const blockSize = 64;
const noBlock = -1;

/** Whose blocks they are. */
interface BlockOwner {
  /** The block is empty and is his no more. */
  drop(block: number): void;
}

/** The blocks of all lists of one index, and what they know of nodes. */
export class BlockPool {
  readonly width: number;
  /** By node: the block it stands in. */
  readonly blockOf: Int32Array;
  /** By node: whole numbers, the lowest first. */
  readonly keyOf: Float64Array;
  readonly #rows: Rows;
  /** By resource: where a row tells what of it is free. */
  readonly #places: Int32Array;
  /** By node: its place in the order of names, for equal keys. */
  ranks: Int32Array;
  /** By block: its nodes in order, and their keys beside them. */
  nodes = new Int32Array(0);
  keys = new Float64Array(0);
  lengths = new Int32Array(0);
  /** By block: the key of its last node; they are close together, and each insertion looks at some. */
  lastKeys = new Float64Array(0);
  /** By block and resource; never too low, and too high only while `loose`. */
  most = new Float64Array(0);
  loose = new Uint8Array(0);
  lists: BlockOwner[] = [];
  readonly #vacant: number[] = [];
  #count = 0;

  constructor(size: number, rows: Rows, places: Int32Array, ranks: Int32Array) {
    this.width = places.length;
    this.#rows = rows;
    this.#places = places;
    this.ranks = ranks;
    this.blockOf = new Int32Array(size).fill(noBlock);
    this.keyOf = new Float64Array(size);
    this.#reserve(Math.max(8, Math.ceil((3 * size) / blockSize)));
  }

  /** Takes a node out of wherever it stands. */
  remove(node: number): void {
    const block = this.blockOf[node] ?? noBlock;
    if (block === noBlock) return;
    this.blockOf[node] = noBlock;
    const { nodes, keys } = this;
    const start = block * blockSize;
    const end = start + (this.lengths[block] ?? 0);
    let at = start;
    while (at < end && nodes[at] !== node) at += 1;
    for (; at < end - 1; at += 1) {
      nodes[at] = nodes[at + 1] ?? 0;
      keys[at] = keys[at + 1] ?? 0;
    }
    this.lengths[block] = end - start - 1;
    this.#noteLast(block);
    this.loose[block] = 1;
    if (end - start > 1) return;
    this.lists[block]?.drop(block);
    this.#vacant.push(block);
  }

  /** Takes note of what is free now on a node that stays where it stands; false when it stands nowhere. */
  touch(node: number): boolean {
    const block = this.blockOf[node] ?? noBlock;
    if (block === noBlock) return false;
    this.loose[block] = 1;
    this.#raise(block, node);
    return true;
  }

  add(list: BlockOwner): number {
    const block = this.#vacant.pop() ?? this.#count++;
    if (block >= this.lengths.length) this.#reserve(2 * this.lengths.length);
    this.lengths[block] = 0;
    this.loose[block] = 0;
    this.most.fill(Number.NEGATIVE_INFINITY, block * this.width, (block + 1) * this.width);
    this.lists[block] = list;
    return block;
  }

  /** Makes room for a node at a place of a block that is not full. */
  putAt(block: number, place: number, node: number): void {
    const { nodes, keys } = this;
    const start = block * blockSize;
    const length = this.lengths[block] ?? 0;
    for (let at = start + length; at > start + place; at -= 1) {
      nodes[at] = nodes[at - 1] ?? 0;
      keys[at] = keys[at - 1] ?? 0;
    }
    nodes[start + place] = node;
    keys[start + place] = this.keyOf[node] ?? 0;
    this.lengths[block] = length + 1;
    this.#noteLast(block);
    this.blockOf[node] = block;
    this.#raise(block, node);
  }

  /** Moves the upper half of a block to an empty one. */
  halve(lower: number, upper: number): void {
    const length = this.lengths[lower] ?? 0;
    const half = length >>> 1;
    const from = lower * blockSize + half;
    const to = upper * blockSize;
    this.nodes.copyWithin(to, from, from + length - half);
    this.keys.copyWithin(to, from, from + length - half);
    this.lengths[lower] = half;
    this.lengths[upper] = length - half;
    this.#noteLast(lower);
    this.#noteLast(upper);
    for (let i = 0; i < length - half; i += 1) this.blockOf[this.nodes[to + i] ?? 0] = upper;
    this.tighten(lower);
    this.tighten(upper);
  }

  isFull(block: number): boolean {
    return this.lengths[block] === blockSize;
  }

  /** The first place in a block that does not come before the node. */
  placeIn(block: number, node: number): number {
    const start = block * blockSize;
    let low = 0;
    let high = this.lengths[block] ?? 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.isBefore(start + middle, node)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether the last node of a block comes before another. */
  endsBefore(block: number, node: number): boolean {
    const last = this.lastKeys[block] ?? 0;
    const key = this.keyOf[node] ?? 0;
    if (last !== key) return last < key;
    return this.isBefore(block * blockSize + (this.lengths[block] ?? 0) - 1, node);
  }

  /** Whether the node at that place of all comes before another. */
  isBefore(at: number, node: number): boolean {
    const key = this.keys[at] ?? 0;
    const other = this.keyOf[node] ?? 0;
    if (key !== other) return key < other;
    return (this.ranks[this.nodes[at] ?? 0] ?? 0) < (this.ranks[node] ?? 0);
  }

  fits(node: number, asked: Float64Array): boolean {
    const { cells, span } = this.#rows;
    const places = this.#places;
    const row = 2 * node * span;
    for (let k = 0; k < places.length; k += 1) {
      if ((asked[k] ?? 0) > (cells[row + (places[k] ?? 0)] ?? 0)) return false;
    }
    return true;
  }

  /** How many times a node has so much. */
  times(node: number, asked: Float64Array): number {
    const { cells, span } = this.#rows;
    const places = this.#places;
    const row = 2 * node * span;
    let times = Number.POSITIVE_INFINITY;
    for (let k = 0; k < places.length; k += 1) {
      const amount = asked[k] ?? 0;
      const free = cells[row + (places[k] ?? 0)] ?? 0;
      if (amount > 0) times = Math.min(times, Math.floor(free / amount));
    }
    return times;
  }

  /** Whether any node of the block might have so much. */
  mayFit(block: number, asked: Float64Array): boolean {
    const { most, width } = this;
    const row = block * width;
    for (let k = 0; k < width; k += 1) {
      if ((asked[k] ?? 0) > (most[row + k] ?? 0)) return false;
    }
    return true;
  }

  tighten(block: number): void {
    const { most, width } = this;
    most.fill(Number.NEGATIVE_INFINITY, block * width, (block + 1) * width);
    const start = block * blockSize;
    const end = start + (this.lengths[block] ?? 0);
    for (let at = start; at < end; at += 1) this.#raise(block, this.nodes[at] ?? 0);
    this.loose[block] = 0;
  }

  #noteLast(block: number): void {
    this.lastKeys[block] = this.keys[block * blockSize + (this.lengths[block] ?? 0) - 1] ?? 0;
  }

  #raise(block: number, node: number): void {
    const { cells, span } = this.#rows;
    const places = this.#places;
    const { most } = this;
    const from = 2 * node * span;
    const to = block * places.length;
    for (let k = 0; k < places.length; k += 1) {
      const has = cells[from + (places[k] ?? 0)] ?? 0;
      if (has > (most[to + k] ?? 0)) most[to + k] = has;
    }
  }

  #reserve(blocks: number): void {
    const nodes = new Int32Array(blocks * blockSize);
    const keys = new Float64Array(blocks * blockSize);
    const lengths = new Int32Array(blocks);
    const lastKeys = new Float64Array(blocks);
    const most = new Float64Array(blocks * this.width);
    const loose = new Uint8Array(blocks);
    nodes.set(this.nodes);
    keys.set(this.keys);
    lengths.set(this.lengths);
    lastKeys.set(this.lastKeys);
    most.set(this.most);
    loose.set(this.loose);
    Object.assign(this, { nodes, keys, lengths, lastKeys, most, loose });
  }
}
