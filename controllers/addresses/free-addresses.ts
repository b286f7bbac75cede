/**
 * Which addresses of some ranges are free: a bit for each, and above it bits that say which words have
 * any, so that the next free one of a /8 is found in five steps. Pure.
 */
import type { AddressRange } from '../../lib/ipv4.ts';

const bits = 32;

export class FreeAddresses {
  readonly capacity: number;
  readonly #ranges: readonly AddressRange[];
  /** How many addresses come before each range. */
  readonly #before: readonly number[];
  /** The lowest has a bit for each address; each above a bit for each word of the one below. */
  readonly #levels: readonly Uint32Array[];
  #free: number;
  #cursor = 0;

  /** Disjoint and in order; all of them are free. */
  constructor(ranges: readonly AddressRange[]) {
    this.#ranges = ranges;
    let count = 0;
    this.#before = ranges.map(({ first, last }) => {
      const before = count;
      count += last - first + 1;
      return before;
    });
    this.capacity = count;
    this.#free = count;
    this.#levels = levelsOf(count);
  }

  get free(): number {
    return this.#free;
  }

  /** Whether it is one of the addresses, free or not. */
  has(address: number): boolean {
    return this.#indexOf(address) !== undefined;
  }

  isFree(address: number): boolean {
    const index = this.#indexOf(address);
    return index !== undefined && hasBit(this.#levels[0], index);
  }

  /** Without effect on what is taken, or none of them. */
  take(address: number): void {
    const index = this.#indexOf(address);
    if (index === undefined || !hasBit(this.#levels[0], index)) return;
    this.#free -= 1;
    let at = index;
    for (const level of this.#levels) {
      if (clearBit(level, at)) return;
      at = Math.floor(at / bits);
    }
  }

  /** Without effect on what is free, or none of them. */
  release(address: number): void {
    const index = this.#indexOf(address);
    if (index === undefined || hasBit(this.#levels[0], index)) return;
    this.#free += 1;
    let at = index;
    for (const level of this.#levels) {
      setBit(level, at);
      at = Math.floor(at / bits);
    }
  }

  /**
   * The next free one after the last that was given, from the start again after the last of all: what
   * was released rests as long as can be. Does not take it.
   */
  next(): number | undefined {
    const index = this.#nextFrom(this.#cursor) ?? this.#nextFrom(0);
    if (index === undefined) return undefined;
    this.#cursor = index + 1;
    return this.#addressAt(index);
  }

  #nextFrom(index: number): number | undefined {
    let at = index;
    let level = 0;
    // Up until a word has a bit at or after it, then down to the lowest of each.
    for (; level < this.#levels.length; level += 1) {
      const found = firstInWord(this.#levels[level], at);
      if (found !== undefined) {
        at = found;
        break;
      }
      at = Math.floor(at / bits) + 1;
    }
    if (level === this.#levels.length) return undefined;
    for (; level > 0; level -= 1) at = firstInWord(this.#levels[level - 1], at * bits) ?? 0;
    return at;
  }

  #indexOf(address: number): number | undefined {
    const at = lastNotAbove(this.#ranges, address, ({ first }) => first);
    const range = this.#ranges[at];
    if (range === undefined || address > range.last) return undefined;
    return (this.#before[at] ?? 0) + address - range.first;
  }

  #addressAt(index: number): number {
    const at = lastNotAbove(this.#before, index, (before) => before);
    return (this.#ranges[at]?.first ?? 0) + index - (this.#before[at] ?? 0);
  }
}

function levelsOf(count: number): readonly Uint32Array[] {
  const levels: Uint32Array[] = [];
  for (let size = count; size > 0; ) {
    const words = Math.ceil(size / bits);
    const level = new Uint32Array(words).fill(0xffffffff);
    const rest = size % bits;
    if (rest > 0) level[words - 1] = 2 ** rest - 1;
    levels.push(level);
    if (words === 1) break;
    size = words;
  }
  return levels;
}

function hasBit(level: Uint32Array | undefined, index: number): boolean {
  return (((level?.[Math.floor(index / bits)] ?? 0) >>> (index % bits)) & 1) === 1;
}

function setBit(level: Uint32Array, index: number): void {
  const word = Math.floor(index / bits);
  level[word] = (level[word] ?? 0) | (1 << (index % bits));
}

/** Whether its word still has others. */
function clearBit(level: Uint32Array, index: number): boolean {
  const word = Math.floor(index / bits);
  level[word] = (level[word] ?? 0) & ~(1 << (index % bits));
  return level[word] !== 0;
}

/** The lowest set bit at or after `index`, within its word. */
function firstInWord(level: Uint32Array | undefined, index: number): number | undefined {
  const word = Math.floor(index / bits);
  const value = (level?.[word] ?? 0) & (0xffffffff << (index % bits));
  if (value === 0) return undefined;
  return word * bits + 31 - Math.clz32(value & -value);
}

/** Index of the last whose value is not above `wanted`; -1 when there is none. */
function lastNotAbove<T>(list: readonly T[], wanted: number, keyOf: (each: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const each = list[middle];
    if (each !== undefined && keyOf(each) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
