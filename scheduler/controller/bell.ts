import type { Clock } from '../../lib/clock.ts';

/** Wakes one waiting loop: a ring while nobody waits is kept for the next wait. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves at the next ring, after `ms`, or when `signal` aborts. */
  async wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const stop = new AbortController();
      const onAbort = () => stop.abort();
      signal.addEventListener('abort', onAbort, { once: true });
      const rung = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const slept = clock.sleep(ms, stop.signal).catch(() => {}); // Aborted: rung or told to stop.
      await Promise.race([rung, slept]);
      this.#wake = undefined;
      signal.removeEventListener('abort', onAbort);
      stop.abort();
    }
    this.#rung = false;
  }
}
