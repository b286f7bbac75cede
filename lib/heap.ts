/** A binary heap: the least of what was pushed comes out first. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #order: (a: T, b: T) => number;

  /** `order` as for `Array.sort`; equals come out in no particular order. */
  constructor(order: (a: T, b: T) => number) {
    this.#order = order;
  }

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#items[parent];
      if (above === undefined || this.#order(above, item) <= 0) break;
      this.#items[at] = above;
      at = parent;
    }
    this.#items[at] = item;
  }

  /** Undefined when it is empty. */
  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return first;
    let at = 0;
    for (;;) {
      const child = this.#lesserChild(at);
      const below = this.#items[child];
      if (below === undefined || this.#order(last, below) <= 0) break;
      this.#items[at] = below;
      at = child;
    }
    this.#items[at] = last;
    return first;
  }

  #lesserChild(at: number): number {
    const left = this.#items[2 * at + 1];
    const right = this.#items[2 * at + 2];
    if (left === undefined || right === undefined) return 2 * at + 1;
    return this.#order(left, right) <= 0 ? 2 * at + 1 : 2 * at + 2;
  }
}
