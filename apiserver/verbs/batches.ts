import type { Clock } from '../../lib/clock.ts';

/** Made once: every wait is ended with it, and an error of its own would cost a stack trace. */
const over = new DOMException('the wait is over', 'AbortError');

/** Reads an iterator ahead by one, so that a wait for it can be given up and taken up again. */
export class Batches<T> {
  readonly #iterator: AsyncIterator<T>;
  #next: Promise<IteratorResult<T>>;
  #hasCome = false;
  #come: () => void = () => undefined;

  constructor(iterator: AsyncIterator<T>) {
    this.#iterator = iterator;
    this.#next = this.#read();
  }

  /** Whether a batch has arrived that nobody has taken. */
  get waiting(): boolean {
    return this.#hasCome;
  }

  /** Throws what the iterator throws. */
  async nextWithin(
    waitMs: number,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<T | 'timeout' | 'ended'> {
    // The batch itself is not waited for before it has come: of a quiet watch every wait would stay with it.
    const how = this.#hasCome ? 'ended' : await this.#wait(waitMs, clock, signal);
    return this.#hasCome ? this.#take(await this.#next) : how;
  }

  /** A pending read ends with the source; its outcome is of no interest any more. */
  async close(): Promise<void> {
    this.#next.catch(() => undefined);
    await this.#iterator.return?.();
  }

  async #wait(waitMs: number, clock: Clock, signal: AbortSignal): Promise<'timeout' | 'ended'> {
    const timer = new AbortController();
    const stop = () => timer.abort(over);
    this.#come = stop;
    signal.addEventListener('abort', stop, { once: true });
    try {
      await clock.sleep(waitMs, timer.signal);
      return 'timeout';
    } catch {
      return 'ended';
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #take(result: IteratorResult<T>): T | 'ended' {
    if (result.done === true) return 'ended';
    this.#next = this.#read();
    return result.value;
  }

  #read(): Promise<IteratorResult<T>> {
    this.#hasCome = false;
    const next = this.#iterator.next();
    const come = () => {
      this.#hasCome = true;
      this.#come();
    };
    next.then(come, come);
    return next;
  }
}
