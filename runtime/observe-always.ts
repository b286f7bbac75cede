/** An engine's events for as long as somebody listens, over every end of the connection to it. */
import type { CallOptions } from '../lib/call.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Observable } from '../lib/rx.ts';
import { underAny } from '../lib/under-any.ts';
import type { InstanceId } from './runtime.ts';

/** Waits between attempts to reach the engine. */
const reconnectMs = { first: 100, max: 5_000 } as const;

interface ObserveDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeId: string;
  /** For the log. */
  readonly engine: string;
}

/**
 * Follows one connection until it ends. It must listen before it names what is there, so that nothing
 * falls between the two, and call `onConnected` then.
 */
export type FollowOnce = (
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
) => Promise<void>;

export function observeAlways(
  deps: ObserveDeps,
  followOnce: FollowOnce,
  { signal }: CallOptions,
): Observable<InstanceId> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const emit = (id: InstanceId) => subscriber.next(id);
    underAny([signal, stop.signal], (any) => follow(deps, followOnce, emit, any)).then(
      () => subscriber.complete(),
      (error) => subscriber.error(error),
    );
    return () => stop.abort();
  });
}

async function follow(
  { clock, log, nodeId, engine }: ObserveDeps,
  followOnce: FollowOnce,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
): Promise<void> {
  let waitMs: number = reconnectMs.first;
  while (!signal.aborted) {
    try {
      await followOnce(emit, signal, () => {
        waitMs = reconnectMs.first;
      });
      if (!signal.aborted) log.warn({ engine, node: nodeId }, 'engine event stream ended');
    } catch (error) {
      if (signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      log.warn({ engine, node: nodeId, error: why }, 'engine event stream failed');
    }
    await clock.sleep(waitMs, signal).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, reconnectMs.max);
  }
}

/** Resolves when either is over. */
export async function untilClosed(closed: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    const over = () => resolve();
    signal.addEventListener('abort', over, { once: true, signal: settled.signal });
    if (signal.aborted) resolve();
  });
  await Promise.race([closed, aborted]);
  settled.abort();
}
