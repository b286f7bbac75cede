/** How long a program keeps its thread to itself, and how much of that is the garbage collector's. */
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';

/** Shorter ones are not looked at again. */
const leastMs = 1;

export class Stretches {
  readonly #collections: PerformanceEntry[] = [];
  readonly #long: { readonly startMs: number; readonly endMs: number }[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    this.#collections.push(...list.getEntries());
  });

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** In a stretch from then until now nothing else could run. */
  note(startMs: number): void {
    const endMs = performance.now();
    if (endMs - startMs >= leastMs) this.#long.push({ startMs, endMs });
  }

  async stop() {
    // The observer is told of collections after the loop has let go of the thread.
    await new Promise((resolve) => setTimeout(resolve, 10));
    this.#observer.disconnect();
    const durations = this.#collections.map(({ duration }) => duration);
    return {
      longestMs: tenth(Math.max(0, ...this.#long.map((each) => this.#withoutCollections(each)))),
      gc: {
        pauses: durations.length,
        totalMs: tenth(durations.reduce((sum, duration) => sum + duration, 0)),
        maxMs: tenth(Math.max(0, ...durations)),
      },
    };
  }

  #withoutCollections({ startMs, endMs }: { startMs: number; endMs: number }): number {
    let ms = endMs - startMs;
    for (const { startTime, duration } of this.#collections) {
      if (startTime >= startMs && startTime < endMs) ms -= duration;
    }
    return ms;
  }
}

export function tenth(number: number): number {
  return Math.round(number * 10) / 10;
}
