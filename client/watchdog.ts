import type { Clock } from '../lib/clock.ts';

export interface Watchdog {
  /** Aborts when the parent does, or when `reset` was not called for too long. */
  readonly signal: AbortSignal;
  reset(): void;
  stop(): void;
}

/** Guards a stream that should never be silent for longer than `silenceMs`. */
export function watchdog(silenceMs: number, clock: Clock, parent: AbortSignal): Watchdog {
  const guarded = new AbortController();
  const timer = new AbortController();
  const onParentAbort = () => guarded.abort(parent.reason);
  if (parent.aborted) onParentAbort();
  else parent.addEventListener('abort', onParentAbort, { once: true });
  let lastMs = clock.now();

  async function guard(): Promise<void> {
    for (;;) {
      const leftMs = lastMs + silenceMs - clock.now();
      if (leftMs <= 0) {
        guarded.abort(new Error(`nothing was received for ${silenceMs} ms`));
        return;
      }
      await clock.sleep(leftMs, timer.signal);
    }
  }
  guard().catch(() => {}); // Rejects only when stopped.

  return {
    signal: guarded.signal,
    reset() {
      lastMs = clock.now();
    },
    stop() {
      timer.abort();
      parent.removeEventListener('abort', onParentAbort);
    },
  };
}
