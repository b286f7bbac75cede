/** The cheapest of a set of nodes: a tournament tree over costs that are kept elsewhere. */

/** What nodes are compared by, under their index; replaced as a whole when it grows. */
export interface Standings {
  costs: Float64Array;
  /** Decides among equal costs. */
  ranks: Int32Array;
}

export class Tournament {
  readonly #standings: Standings;
  /** By slot, the node; a power of two, the last may be empty. */
  readonly #members: Int32Array;
  /** The slot that wins below each inner place, root at 1; the leaves are implied: slot `i` stands at `size + i`. */
  readonly #winners: Int32Array;

  /** `members` are node indices; a node's slot is its place in the list. */
  constructor(standings: Standings, members: ArrayLike<number>) {
    this.#standings = standings;
    let size = 1;
    while (size < members.length) size *= 2;
    this.#members = new Int32Array(size).fill(empty);
    this.#members.set(members);
    this.#winners = new Int32Array(size);
    for (let at = size - 1; at >= 1; at -= 1) this.#winners[at] = this.#duel(at);
  }

  /** The index of the cheapest node; its cost may be Infinity. Undefined where there is no node. */
  best(): number | undefined {
    const winner = this.#members[this.#winners[1] ?? 0] ?? empty;
    return winner === empty ? undefined : winner;
  }

  /** The node in that slot has another cost or rank. */
  update(slot: number): void {
    for (let at = (slot + this.#members.length) >>> 1; at >= 1; at >>>= 1) {
      const before = this.#winners[at];
      const winner = this.#duel(at);
      this.#winners[at] = winner;
      // Another node won here and still does, so nothing above can have changed.
      if (winner === before && winner !== slot) return;
    }
  }

  /** The better of the two below `at`. */
  #duel(at: number): number {
    const { costs, ranks } = this.#standings;
    const left = this.#standing(2 * at);
    const right = this.#standing(2 * at + 1);
    const leftNode = this.#members[left] ?? empty;
    const rightNode = this.#members[right] ?? empty;
    if (rightNode === empty) return left;
    const leftCost = costs[leftNode] ?? Number.POSITIVE_INFINITY;
    const rightCost = costs[rightNode] ?? Number.POSITIVE_INFINITY;
    if (leftCost !== rightCost) return leftCost < rightCost ? left : right;
    return (ranks[leftNode] ?? 0) <= (ranks[rightNode] ?? 0) ? left : right;
  }

  #standing(at: number): number {
    const size = this.#members.length;
    return at >= size ? at - size : (this.#winners[at] ?? 0);
  }
}

const empty = -1;
