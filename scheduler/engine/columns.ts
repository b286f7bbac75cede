import { nominalCapacity } from '../dimensions/scalar.ts';

/** Typed arrays per scalar resource, indexed by node; they grow by doubling. */
export interface Column {
  readonly resource: string;
  capacity: Float64Array;
  /** Of the capacity; what parts are counted of. */
  nominal: Float64Array;
  used: Float64Array;
}

export function setCapacity(column: Column, index: number, amount: number): void {
  column.capacity[index] = amount;
  column.nominal[index] = nominalCapacity(amount);
}

const initialSize = 16;

export class Columns {
  #size = initialSize;
  #layout = 0;
  readonly #columns = new Map<string, Column>();

  /** How many nodes the arrays hold; always a power of two. */
  get size(): number {
    return this.#size;
  }

  /** Changes whenever arrays were replaced or a resource was added: whoever holds arrays must look again. */
  get layout(): number {
    return this.#layout;
  }

  /** Makes everyone look again. */
  renew(): void {
    this.#layout += 1;
  }

  get(resource: string): Column | undefined {
    return this.#columns.get(resource);
  }

  all(): IterableIterator<Column> {
    return this.#columns.values();
  }

  /** The column of `resource`, made when it is new. */
  ensure(resource: string): Column {
    const known = this.#columns.get(resource);
    if (known !== undefined) return known;
    const column: Column = {
      resource,
      capacity: new Float64Array(this.#size),
      nominal: new Float64Array(this.#size),
      used: new Float64Array(this.#size),
    };
    this.#columns.set(resource, column);
    this.#layout += 1;
    return column;
  }

  /** Makes room for `count` nodes. */
  reserve(count: number): void {
    if (count <= this.#size) return;
    while (this.#size < count) this.#size *= 2;
    for (const column of this.#columns.values()) {
      column.capacity = grown(column.capacity, this.#size);
      column.nominal = grown(column.nominal, this.#size);
      column.used = grown(column.used, this.#size);
    }
    this.#layout += 1;
  }
}

function grown(from: Float64Array, size: number): Float64Array {
  const to = new Float64Array(size);
  to.set(from);
  return to;
}
