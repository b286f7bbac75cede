/** Which nodes changed since when: how an index over all nodes is brought up to date in O(change). */
const ringSize = 1 << 15;

/** True until the next question; lists that are made anew for each decision would be much to collect. */
export interface Changes {
  /** As many of them as `count` says, by index. */
  readonly nodes: Int32Array;
  readonly count: number;
}

export class ChangeLog {
  readonly #ring = new Int32Array(ringSize);
  /** Position of each node's newest entry, so that older entries of the same node are skipped. */
  #newest = new Float64Array(16);
  readonly #changes = { nodes: new Int32Array(ringSize), count: 0 };
  #position = 0;

  /** Where the log stands; give it to `since` later. */
  get position(): number {
    return this.#position;
  }

  note(index: number): void {
    if (index >= this.#newest.length) {
      const longer = new Float64Array(Math.max(index + 1, this.#newest.length * 2));
      longer.set(this.#newest);
      this.#newest = longer;
    }
    this.#ring[this.#position % ringSize] = index;
    this.#newest[index] = this.#position;
    this.#position += 1;
  }

  /** Where the log stood when a node that ever changed did so last. */
  changedAt(index: number): number {
    return this.#newest[index] ?? 0;
  }

  /**
   * Each node that changed at or after `position`, and not again at or after `until`; undefined when the log does not
   * reach back so far.
   */
  changedSince(position: number, until = this.#position): Changes | undefined {
    if (this.#position - position > ringSize) return undefined;
    const { nodes } = this.#changes;
    let count = 0;
    for (let at = position; at < until; at += 1) {
      const index = this.#ring[at % ringSize] ?? 0;
      // Older entries of the same node are passed over.
      if (this.#newest[index] !== at) continue;
      nodes[count] = index;
      count += 1;
    }
    this.#changes.count = count;
    return this.#changes;
  }
}
