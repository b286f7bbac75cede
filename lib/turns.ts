/** Long work on the one thread, in turns with everything else that runs there. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** So long others wait for the thread, if no single step takes longer. */
const turnMs = 5;

/** When all that wait for their next turn have had it. */
let queue: Promise<void> = Promise.resolve();

/** Resolves in a turn of the loop in which nobody else's long work goes on: what comes from outside is heard between. */
function ownTurn(): Promise<void> {
  queue = queue.then(() => nextTurn());
  return queue;
}

export class Turns {
  readonly #clock: Clock;
  #sinceMs: number;

  /** The first turn begins now. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  /** Does the work, with a step after each part. When `signal` aborts it is let go between two of them. */
  async through<T>(parts: Generator<undefined, T>, signal?: AbortSignal): Promise<T> {
    try {
      for (;;) {
        const part = parts.next();
        if (part.done === true) return part.value;
        await this.step();
        signal?.throwIfAborted();
      }
    } finally {
      // Nobody reads what it would return: only what it has to put back is done.
      parts.return(undefined as never);
    }
  }

  /** To be called between two steps: lets others run when this turn has lasted long enough. */
  async step(): Promise<void> {
    if (this.#clock.now() - this.#sinceMs < turnMs) return;
    await ownTurn();
    this.#sinceMs = this.#clock.now();
  }
}

/** Does the work without pauses. */
export function atOnce<T>(parts: Generator<undefined, T>): T {
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}
