/** Which nodes changed since when: how an index over all nodes is brought up to date in O(change). */
const ringSize = 1 << 15;

export class ChangeLog {
  readonly #ring = new Int32Array(ringSize);
  /** Position of each node's newest entry, so that older entries of the same node are skipped. */
  #newest = new Float64Array(16);
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

  /** Adds each node that changed at or after `position` to `changed`; false when the log does not reach back so far. */
  changedSince(position: number, changed: number[]): boolean {
    if (this.#position - position > ringSize) return false;
    for (let at = position; at < this.#position; at += 1) {
      const index = this.#ring[at % ringSize] ?? 0;
      // Older entries of the same node are passed over.
      if (this.#newest[index] === at) changed.push(index);
    }
    return true;
  }
}
