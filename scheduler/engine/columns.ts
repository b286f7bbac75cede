/**
 * Amounts of scalar resources: a row of numbers per node, so that whoever looks at a node, or places something there, reads
 * few lines of memory. Both the rows and what a row holds grow by doubling.
 */
import { nominalCapacity } from '../dimensions/scalar.ts';

/** What a row has of each resource, one block after the other; a placement changes the first two. */
const blocks = ['free', 'used', 'capacity', 'nominal'] as const;

/** The numbers as they lie in memory, for inner loops; others come with the next `layout`. */
export interface Rows {
  readonly cells: Float64Array;
  /** From one node to the next. */
  readonly length: number;
  /** From one block of a row to the next. */
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

  /** Where a row tells about each of these resources, in each of its blocks; anywhere for one that no node ever had. */
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
    for (let index = 0; index < this.#size; index += 1) {
      for (let block = 0; block < blocks.length; block += 1) {
        const from = index * before.length + block * before.span;
        const to = index * after.length + block * span;
        for (let k = 0; k < before.span; k += 1) after.cells[to + k] = before.cells[from + k] ?? 0;
      }
    }
    this.rows = after;
    this.#size = size;
  }
}

function newRows(size: number, span: number): Rows {
  const length = blocks.length * span;
  return { cells: new Float64Array(size * length), length, span };
}

/** One resource on all nodes, by their index. */
export class Column {
  readonly resource: string;
  /** In each block of a row. */
  readonly place: number;
  readonly #columns: Columns;

  constructor(columns: Columns, resource: string, place: number) {
    this.#columns = columns;
    this.resource = resource;
    this.place = place;
  }

  /** Less than nothing where more was taken than there is. */
  freeAt(index: number): number {
    return this.#at(index, 0);
  }

  usedAt(index: number): number {
    return this.#at(index, 1);
  }

  capacityAt(index: number): number {
    return this.#at(index, 2);
  }

  /** Takes so much, or with less than nothing gives it back. */
  take(index: number, amount: number): void {
    const { cells, length, span } = this.#columns.rows;
    const at = index * length + this.place;
    cells[at] = (cells[at] ?? 0) - amount;
    cells[at + span] = (cells[at + span] ?? 0) + amount;
  }

  setCapacity(index: number, amount: number): void {
    const { cells, length, span } = this.#columns.rows;
    const at = index * length + this.place;
    cells[at] = amount - (cells[at + span] ?? 0);
    cells[at + 2 * span] = amount;
    // What parts are counted of.
    cells[at + 3 * span] = nominalCapacity(amount);
  }

  #at(index: number, block: number): number {
    const { cells, length, span } = this.#columns.rows;
    return cells[index * length + block * span + this.place] ?? 0;
  }
}
