/**
 * Amounts of scalar resources: a row of numbers per node, so that whoever looks at a node, or places something there, reads
 * few lines of memory. Both the rows and what a row holds grow by doubling.
 */
import { nominalCapacity } from '../dimensions/scalar.ts';

/** The numbers as they lie in memory, for inner loops; others come with the next `layout`. A row is two spans long. */
export interface Rows {
  /** Of each resource what is free, and a span further what is used: what a placement changes lies together. */
  readonly cells: Float64Array;
  /** In the same way the capacity, and the nominal capacity that parts are counted of. */
  readonly limits: Float64Array;
  /** Resources that there is room for. */
  readonly span: number;
}

const initialSize = 16;
const initialSpan = 8;

export class Columns {
  rows: Rows = newRows(initialSize, initialSpan);
  #size = initialSize;
  #layout = 0;
  readonly #columns = new Map<string, Column>();

  /** How many nodes there is room for; always a power of two. */
  get size(): number {
    return this.#size;
  }

  /** Changes whenever rows were replaced or a resource was added: whoever holds them must look again. */
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

  /** Where a row tells about each of these resources, in each half; anywhere for one that no node ever had. */
  placesOf(resources: readonly string[]): Int32Array {
    return Int32Array.from(resources, (name) => this.#columns.get(name)?.place ?? 0);
  }

  /** The column of `resource`, made when it is new. */
  ensure(resource: string): Column {
    const known = this.#columns.get(resource);
    if (known !== undefined) return known;
    const place = this.#columns.size;
    const { span } = this.rows;
    if (place >= span) this.#lay(this.#size, 2 * span);
    const column = new Column(this, resource, place);
    this.#columns.set(resource, column);
    this.#layout += 1;
    return column;
  }

  /** Makes room for `count` nodes. */
  reserve(count: number): void {
    if (count <= this.#size) return;
    let size = this.#size;
    while (size < count) size *= 2;
    this.#lay(size, this.rows.span);
    this.#layout += 1;
  }

  #lay(size: number, span: number): void {
    const before = this.rows;
    const after = newRows(size, span);
    if (span === before.span) {
      // At once: with a hundred thousand nodes these are millions of numbers.
      after.cells.set(before.cells);
      after.limits.set(before.limits);
    } else {
      for (let half = 0; half < 2 * this.#size; half += 1) {
        for (let k = 0; k < before.span; k += 1) {
          after.cells[half * span + k] = before.cells[half * before.span + k] ?? 0;
          after.limits[half * span + k] = before.limits[half * before.span + k] ?? 0;
        }
      }
    }
    this.rows = after;
    this.#size = size;
  }
}

function newRows(size: number, span: number): Rows {
  const numbers = 2 * size * span;
  return { cells: new Float64Array(numbers), limits: new Float64Array(numbers), span };
}

/** One resource on all nodes, by their index. */
export class Column {
  readonly resource: string;
  /** In each half of a row. */
  readonly place: number;
  readonly #columns: Columns;

  constructor(columns: Columns, resource: string, place: number) {
    this.#columns = columns;
    this.resource = resource;
    this.place = place;
  }

  /** Less than nothing where more was taken than there is. */
  freeAt(index: number): number {
    const { cells, span } = this.#columns.rows;
    return cells[2 * index * span + this.place] ?? 0;
  }

  usedAt(index: number): number {
    const { cells, span } = this.#columns.rows;
    return cells[(2 * index + 1) * span + this.place] ?? 0;
  }

  capacityAt(index: number): number {
    const { limits, span } = this.#columns.rows;
    return limits[2 * index * span + this.place] ?? 0;
  }

  /** Takes so much, or with less than nothing gives it back. */
  take(index: number, amount: number): void {
    const { cells, span } = this.#columns.rows;
    const at = 2 * index * span + this.place;
    cells[at] = (cells[at] ?? 0) - amount;
    cells[at + span] = (cells[at + span] ?? 0) + amount;
  }

  setCapacity(index: number, amount: number): void {
    const { cells, limits, span } = this.#columns.rows;
    const at = 2 * index * span + this.place;
    cells[at] = amount - (cells[at + span] ?? 0);
    limits[at] = amount;
    limits[at + span] = nominalCapacity(amount);
  }
}
