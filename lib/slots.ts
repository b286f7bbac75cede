import type { CallOptions } from './call.ts';

/** So many tasks at once; the others wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `task` in a slot; rejects without running it when `signal` has aborted before its turn. */
  async hold<T>(task: () => Promise<T>, { signal }: CallOptions): Promise<T> {
    await this.#take();
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      this.#give();
    }
  }

  /** Inside of `hold`: runs what only waits, and lets others use the slot meanwhile. */
  async aside<T>(task: () => Promise<T>): Promise<T> {
    this.#give();
    try {
      return await task();
    } finally {
      await this.#take();
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A slot goes straight to the next in line, so that nobody overtakes. */
  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
