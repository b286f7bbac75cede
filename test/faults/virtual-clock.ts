/** Time that goes on only when all that is under way in this process has come to rest. */
import type { Clock } from '../../lib/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

const turns = 4;

export class VirtualClock implements Clock {
  /** Calls that some thread or disk is working on; time waits for them. */
  busy = 0;
  /** Runs at each moment of time, when all is at rest. */
  onRest: () => void = () => {};
  #nowMs = Date.UTC(2026, 0, 1);
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + Math.max(ms, 0), wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await this.#rest();
      let nextMs = untilMs + 1;
      for (const { atMs } of this.#sleepers) if (atMs < nextMs) nextMs = atMs;
      if (nextMs > untilMs) break;
      this.#nowMs = Math.max(nextMs, this.#nowMs);
      const due = this.#sleepers.filter(({ atMs }) => atMs <= nextMs);
      this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > nextMs);
      for (const { wake } of due) wake();
    }
    this.#nowMs = untilMs;
    await this.#rest();
  }

  /** Lets time go on for as long as `work` needs it. */
  async during<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = () => {
      done = true;
    };
    work.then(end, end);
    while (!done) await this.advance(5);
    return work;
  }

  /** Until nothing has been under way for a few turns of the event loop. */
  async #rest(): Promise<void> {
    for (let quiet = 0; quiet < turns; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.busy > 0 || filesAreBusy()) quiet = -1;
    }
    this.onRest();
  }
}

function filesAreBusy(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
}
