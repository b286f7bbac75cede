import { type KubeObject, keyOf } from '../api/meta.ts';

/** Objects that are taken over in one part. */
const partSize = 64;

interface Index<T> {
  readonly values: (object: T) => readonly string[];
  readonly buckets: Map<string, Map<string, T>>;
}

/** Objects by key, and by the values of any number of index functions. */
export class IndexedObjects<T extends KubeObject> {
  #objects = new Map<string, T>();
  #indexes = new Map<string, Index<T>>();
  /** What `list` returned last; built anew only after a change. */
  #listed: readonly T[] | undefined;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    this.#listed ??= [...this.#objects.values()];
    return this.#listed;
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new TypeError(`there is no index "${name}"`);
    return [...(index.buckets.get(value)?.values() ?? [])];
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) throw new TypeError(`there is an index "${name}" already`);
    const index: Index<T> = { values, buckets: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) put(index, key, object);
  }

  /** Returns the object before. */
  set(key: string, object: T): T | undefined {
    const old = this.#objects.get(key);
    this.#listed = undefined;
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) take(index, key, old);
      put(index, key, object);
    }
    return old;
  }

  /** Returns the object that was there. */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#listed = undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) take(index, key, old);
    return old;
  }

  /**
   * Puts `objects` in place of all; returns those that are not among them any more. In its pauses all is as before, and
   * may not be changed.
   */
  *replace(objects: Iterable<T>): Generator<undefined, readonly T[]> {
    const after = new IndexedObjects<T>();
    for (const [name, { values }] of this.#indexes) after.addIndex(name, values);
    for (const object of objects) {
      after.set(keyOf(object), object);
      if (after.#objects.size % partSize === 0) yield;
    }
    const gone: T[] = [];
    let seen = 0;
    for (const [key, object] of this.#objects) {
      if (!after.#objects.has(key)) gone.push(object);
      seen += 1;
      if (seen % partSize === 0) yield;
    }
    this.#objects = after.#objects;
    this.#indexes = after.#indexes;
    this.#listed = undefined;
    return gone;
  }
}

function put<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    if (bucket === undefined) index.buckets.set(value, new Map([[key, object]]));
    else bucket.set(key, object);
  }
}

function take<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const bucket = index.buckets.get(value);
    bucket?.delete(key);
    if (bucket?.size === 0) index.buckets.delete(value);
  }
}
