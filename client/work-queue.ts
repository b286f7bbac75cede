/**
 * A queue of keys to reconcile. Three sets make it: `queue` (order), `dirty` (needs work) and
 * `processing` (being worked on). A key is never handed out twice at a time; adding it while it is
 * processed hands it out once more after `done`; adding it while it waits changes nothing.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { backoffMs } from './backoff.ts';

export interface WorkQueue {
  add(key: string): void;
  /** Adds after `delayMs`; of several waits for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void;
  /**
   * Adds after the key's own exponential backoff, or after `maxMs` if that is sooner; returns the delay.
   */
  addRateLimited(key: string, limits?: { readonly maxMs: number }): number;
  /** How often the key was added rate limited since it was last forgotten. */
  failures(key: string): number;
  /** The key has succeeded: its backoff starts over. */
  forget(key: string): void;
  /** The next key, in order of addition; `undefined` once the queue is shut down and empty. */
  get(options: { readonly signal: AbortSignal }): Promise<string | undefined>;
  /** Must follow every `get`. */
  done(key: string): void;
  /** Keys that can be got now. */
  readonly length: number;
  /** Takes no more keys; what is queued can still be got. */
  shutDown(): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** First delay of a key that failed; default 5 ms. */
  readonly baseMs?: number;
  /** Longest delay; default 1000 s. */
  readonly maxMs?: number;
  /** Random fraction of each delay; default 0. */
  readonly jitter?: number;
  readonly observer?: QueueObserver;
}

/** Told of what happens to keys; must not throw. */
export interface QueueObserver {
  added(depth: number): void;
  retried(): void;
  taken(depth: number, waitedMs: number): void;
  done(workedMs: number): void;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new KeyQueue(options);
}

type Waiter = (key: string | undefined) => void;

class KeyQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #queue = new Set<string>();
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** Since when a key waits or is worked on; kept only for an observer. */
  readonly #sinceMs = new Map<string, number>();
  /** Due time of each key that waits. */
  readonly #waiting = new Map<string, number>();
  readonly #getters = new Set<Waiter>();
  #timer: { readonly atMs: number; readonly stop: AbortController } | undefined;
  #seenMs = 0;
  #down = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#queue.size;
  }

  add(key: string): void {
    if (this.#down || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#down) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const atMs = this.#now() + delayMs;
    const waitsUntilMs = this.#waiting.get(key);
    if (waitsUntilMs !== undefined && waitsUntilMs <= atMs) return;
    this.#waiting.set(key, atMs);
    this.#armTimer(atMs);
  }

  addRateLimited(key: string, limits?: { readonly maxMs: number }): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    this.#options.observer?.retried();
    const { baseMs = 5, maxMs: longestMs = 1_000_000, jitter = 0, random } = this.#options;
    const maxMs = Math.min(longestMs, limits?.maxMs ?? longestMs);
    const delayMs = backoffMs(failures, { baseMs, maxMs, jitter }, random);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  get({ signal }: { readonly signal: AbortSignal }): Promise<string | undefined> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const key = this.#take();
    if (key !== undefined || this.#down) return Promise.resolve(key);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#getters.delete(getter);
        reject(signal.reason);
      };
      const getter: Waiter = (next) => {
        signal.removeEventListener('abort', onAbort);
        resolve(next);
      };
      this.#getters.add(getter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  done(key: string): void {
    this.#processing.delete(key);
    this.#observe(key, (observer, ms) => observer.done(ms));
    this.#sinceMs.delete(key);
    if (this.#dirty.has(key)) this.#enqueue(key);
  }

  shutDown(): void {
    this.#down = true;
    this.#waiting.clear();
    this.#timer?.stop.abort();
    this.#timer = undefined;
    for (const getter of this.#getters) getter(undefined);
    this.#getters.clear();
  }

  /** Tells how long the key was where it was, and begins anew. */
  #observe(key: string, tell: (observer: QueueObserver, ms: number) => void): void {
    const { observer, clock } = this.#options;
    if (observer === undefined) return;
    const nowMs = clock.now();
    tell(observer, nowMs - (this.#sinceMs.get(key) ?? nowMs));
    this.#sinceMs.set(key, nowMs);
  }

  #enqueue(key: string): void {
    this.#queue.add(key);
    this.#observe(key, (observer) => observer.added(this.#queue.size));
    for (const getter of this.#getters) {
      this.#getters.delete(getter);
      getter(this.#take());
      return;
    }
  }

  #take(): string | undefined {
    for (const key of this.#queue) {
      this.#queue.delete(key);
      this.#dirty.delete(key);
      this.#processing.add(key);
      this.#observe(key, (observer, ms) => observer.taken(this.#queue.size, ms));
      return key;
    }
    return undefined;
  }

  /** The time, which is `leastMs` or later; where it is not, the clock was set back, and all due times go with it. */
  #now(leastMs = this.#seenMs): number {
    const nowMs = this.#options.clock.now();
    const backMs = leastMs - nowMs;
    this.#seenMs = nowMs;
    if (backMs > 0) {
      for (const [key, atMs] of this.#waiting) this.#waiting.set(key, atMs - backMs);
      if (this.#timer !== undefined) {
        this.#timer = { ...this.#timer, atMs: this.#timer.atMs - backMs };
      }
    }
    return nowMs;
  }

  /** One sleeper for the earliest due time; an earlier one replaces it. */
  #armTimer(atMs: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.atMs <= atMs) return;
      this.#timer.stop.abort();
    }
    const stop = new AbortController();
    this.#timer = { atMs, stop };
    const { clock } = this.#options;
    clock.sleep(Math.max(atMs - clock.now(), 0), stop.signal).then(
      () => this.#releaseDue(),
      () => {}, // Replaced by an earlier one, or shut down.
    );
  }

  #releaseDue(): void {
    // The sleep is over, whatever the clock says.
    const nowMs = this.#now(this.#timer?.atMs);
    this.#timer = undefined;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [key, atMs] of this.#waiting) {
      if (atMs <= nowMs) {
        this.#waiting.delete(key);
        this.add(key);
      } else {
        nextMs = Math.min(nextMs, atMs);
      }
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#armTimer(nextMs);
  }
}
