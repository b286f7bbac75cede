/** The one fixed order of nodes, by name: equal scores are decided by it, never by chance or by arrival. */
export class NodeOrder {
  readonly #names: string[] = [];
  readonly #indices: number[] = [];
  #ranks = new Int32Array(16);
  #stale = false;
  #version = 0;

  /** Grows whenever a node came or went. */
  get version(): number {
    return this.#version;
  }

  get length(): number {
    return this.#indices.length;
  }

  /** Node indices in order of their names. */
  indices(): readonly number[] {
    return this.#indices;
  }

  add(name: string, index: number): void {
    const at = this.#find(name);
    this.#names.splice(at, 0, name);
    this.#indices.splice(at, 0, index);
    this.#stale = true;
    this.#version += 1;
  }

  remove(name: string): void {
    const at = this.#find(name);
    if (this.#names[at] !== name) return;
    this.#names.splice(at, 1);
    this.#indices.splice(at, 1);
    this.#stale = true;
    this.#version += 1;
  }

  /** The place of every node index in the order. Nodes that stay never change places with each other. */
  ranks(): Int32Array {
    if (!this.#stale) return this.#ranks;
    // Plain loops: there may be a hundred thousand nodes, and the first time the code is not compiled yet.
    const indices = this.#indices;
    let highest = 0;
    for (let rank = 0; rank < indices.length; rank += 1) {
      const index = indices[rank] ?? 0;
      if (index > highest) highest = index;
    }
    if (highest >= this.#ranks.length) this.#ranks = new Int32Array(2 * (highest + 1));
    const ranks = this.#ranks;
    for (let rank = 0; rank < indices.length; rank += 1) ranks[indices[rank] ?? 0] = rank;
    this.#stale = false;
    return this.#ranks;
  }

  /** Where `name` stands or would stand. */
  #find(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#names[middle] ?? '') < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
