/**
 * Remembers what was used lately, by name. It is kept in two halves: when the newer is full the older is forgotten as
 * a whole. (To delete the oldest of one map each time is slow: whoever looks for the oldest passes over all that were deleted.)
 */
export class Recent<T> {
  readonly #most: number;
  #newer = new Map<string, T>();
  #older = new Map<string, T>();

  /** At most so many are kept, and at least half of them. */
  constructor(most: number) {
    this.#most = most;
  }

  get(name: string): T | undefined {
    const value = this.#newer.get(name);
    if (value !== undefined) return value;
    const older = this.#older.get(name);
    if (older !== undefined) {
      this.#older.delete(name);
      this.set(name, older);
    }
    return older;
  }

  set(name: string, value: T): void {
    if (this.#newer.size >= this.#most / 2) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(name, value);
  }

  *values(): Generator<T> {
    yield* this.#newer.values();
    yield* this.#older.values();
  }
}
