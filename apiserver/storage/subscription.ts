/** One watcher's queue of changes: bounded, so that a slow reader is cut off and never buffered without end. */
import type { CacheEvent } from './resource-cache.ts';

/** A watcher this far behind is ended; its client resumes from its last resourceVersion. */
const maxQueued = 10_000;
/** So much in objects; watchers of the same objects share them in memory. */
const maxQueuedBytes = 32 * 1024 * 1024;

export type SubscriptionEnd = 'ended' | 'slow' | 'expired';

export class Subscription implements AsyncIterable<readonly CacheEvent[]> {
  readonly #prefix: string;
  readonly #onEnd: (why: SubscriptionEnd) => void;
  #queue: CacheEvent[] = [];
  #queuedBytes = 0;
  #wake: (() => void) | undefined;
  #end: SubscriptionEnd | undefined;

  constructor(prefix: string, onEnd: (why: SubscriptionEnd) => void) {
    this.#prefix = prefix;
    this.#onEnd = onEnd;
  }

  /** How many changes wait to be read. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Why the stream ended; `undefined` while it runs. */
  get ended(): SubscriptionEnd | undefined {
    return this.#end;
  }

  push(event: CacheEvent): void {
    const { key, bytes } = event.type === 'put' ? event.current : event.previous;
    if (this.#end !== undefined || !key.startsWith(this.#prefix)) return;
    if (this.#queue.length >= maxQueued || this.#queuedBytes >= maxQueuedBytes) {
      this.#finish('slow');
      return;
    }
    this.#queue.push(event);
    this.#queuedBytes += bytes;
    this.#wake?.();
  }

  end(): void {
    this.#finish('ended');
  }

  /** The history this watch stands on is gone. */
  expire(): void {
    this.#finish('expired');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly CacheEvent[]> {
    try {
      for (;;) {
        if (this.#queue.length > 0) {
          const batch = this.#queue;
          this.#queue = [];
          this.#queuedBytes = 0;
          yield batch;
        } else if (this.#end !== undefined) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#finish('ended');
    }
  }

  #finish(why: SubscriptionEnd): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#onEnd(why);
    this.#wake?.();
  }
}
