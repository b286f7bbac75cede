/** One watcher's queue of changes: bounded, so that a slow reader is cut off and never buffered without end. */
import type { Revision } from '../../store/store.ts';
import type { CacheEvent } from './resource-cache.ts';

/** A watcher this far behind is ended; its client resumes from its last resourceVersion. */
const maxQueued = 10_000;

export type SubscriptionEnd = 'ended' | 'slow' | 'expired';

export class Subscription implements AsyncIterable<readonly CacheEvent[]> {
  readonly #prefix: string;
  readonly #onEnd: (subscription: Subscription) => void;
  #queue: CacheEvent[] = [];
  #wake: (() => void) | undefined;
  #end: SubscriptionEnd | undefined;
  /** The cache's revision when the watch began. */
  readonly startRevision: Revision;

  constructor(
    prefix: string,
    startRevision: Revision,
    onEnd: (subscription: Subscription) => void,
  ) {
    this.#prefix = prefix;
    this.#onEnd = onEnd;
    this.startRevision = startRevision;
  }

  /** Why the stream ended; `undefined` while it runs. */
  get ended(): SubscriptionEnd | undefined {
    return this.#end;
  }

  push(event: CacheEvent): void {
    const key = event.type === 'put' ? event.current.key : event.previous.key;
    if (this.#end !== undefined || !key.startsWith(this.#prefix)) return;
    if (this.#queue.length >= maxQueued) {
      this.#finish('slow');
      return;
    }
    this.#queue.push(event);
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
    this.#onEnd(this);
    this.#wake?.();
  }
}
