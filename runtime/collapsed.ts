/** Runs a task for each key that is added: once at a time, and once more for all that came meanwhile. */
export class Collapsed {
  readonly #task: (key: string) => Promise<void>;
  /** Keys under way; true = once more afterwards. */
  readonly #again = new Map<string, boolean>();

  /** `task` must not reject. */
  constructor(task: (key: string) => Promise<void>) {
    this.#task = task;
  }

  add(key: string): void {
    const isUnderWay = this.#again.has(key);
    this.#again.set(key, isUnderWay);
    if (!isUnderWay) void this.#run(key);
  }

  async #run(key: string): Promise<void> {
    do {
      this.#again.set(key, false);
      await this.#task(key);
    } while (this.#again.get(key) === true);
    this.#again.delete(key);
  }
}
