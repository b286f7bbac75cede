/** What is free on each node of some resources, a row of numbers per node: one look at a node reads them all. */
import type { Snapshot } from './snapshot.ts';

/** Nodes that are read before a pause. */
const partSize = 2048;

export class FreeRows {
  readonly resources: readonly string[];
  /** By node and resource; replaced when the snapshot's columns are. True after `catchUp`. */
  rows = new Float64Array(0);
  readonly #snapshot: Snapshot;
  #columns: readonly { readonly capacity: Float64Array; readonly used: Float64Array }[] = [];
  readonly #changed: number[] = [];
  #layout = -1;
  #position = -1;

  constructor(snapshot: Snapshot, resources: readonly string[]) {
    this.#snapshot = snapshot;
    this.resources = resources;
  }

  catchUp(): void {
    const { columns, log, order } = this.#snapshot;
    const changed = this.#changed;
    changed.length = 0;
    if (columns.layout !== this.#layout) for (const _ of this.renew());
    else if (log.changedSince(this.#position, changed)) {
      for (let i = 0; i < changed.length; i += 1) this.#read(changed[i] ?? 0);
    } else for (const index of order.indices()) this.#read(index);
    this.#position = log.position;
  }

  /** Reads all nodes anew if it must, and pauses now and then; `catchUp` puts right what changes in the pauses. */
  *renew(): Generator<undefined, void> {
    const { columns, log, order } = this.#snapshot;
    if (columns.layout === this.#layout) return;
    const nothing = new Float64Array(columns.size);
    const { layout } = columns;
    const { position } = log;
    this.#columns = this.resources.map((name) => {
      const { capacity = nothing, used = nothing } = columns.get(name) ?? {};
      return { capacity, used };
    });
    this.rows = new Float64Array(columns.size * this.resources.length);
    for (const [i, index] of order.indices().slice().entries()) {
      this.#read(index);
      if (i % partSize === partSize - 1) yield;
    }
    // Not before: whoever asks during a pause must read all by himself.
    this.#layout = layout;
    this.#position = position;
  }

  #read(index: number): void {
    const { rows } = this;
    const columns = this.#columns;
    const row = index * columns.length;
    for (let k = 0; k < columns.length; k += 1) {
      const column = columns[k];
      rows[row + k] = (column?.capacity[index] ?? 0) - (column?.used[index] ?? 0);
    }
  }
}
