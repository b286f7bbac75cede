import { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { InstanceId } from '../runtime.ts';
import type { Unit } from './unit.ts';
import type { Units } from './units.ts';

/** Waits between attempts to reach systemd. */
const reconnectMs = { first: 100, max: 5_000 } as const;

interface ObserveDeps {
  readonly units: Units;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with a unit whose main process has ended. */
  readonly onEnded: (unit: Unit) => void;
}

/** Instance ids from systemd's signals; after each (re)connection every known id once. */
export function observeUnits(deps: ObserveDeps, { signal }: CallOptions): Observable<InstanceId> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    follow(deps, (id) => subscriber.next(id), ended).then(
      () => subscriber.complete(),
      (error) => subscriber.error(error),
    );
    return () => stop.abort();
  });
}

async function follow(
  deps: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, units } = deps;
  let waitMs: number = reconnectMs.first;
  while (!signal.aborted) {
    try {
      await followOnce(deps, emit, signal, () => {
        waitMs = reconnectMs.first;
      });
      if (!signal.aborted) log.warn({ node: units.nodeId }, 'connection to systemd ended');
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ node: units.nodeId, err: error }, 'systemd cannot be observed');
    }
    await clock.sleep(waitMs, signal).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, reconnectMs.max);
  }
}

/** Ours begin so, as names and as they stand in paths. */
const ourNames = /^berth_/;
const ourPaths = /\/unit\/berth_5f/;

async function followOnce(
  { units, log, onEnded }: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
): Promise<void> {
  const bus = await units.bus();
  // A unit that has gone cannot be asked whose it was.
  const known = new Map<string, InstanceId>();
  const learn = ({ name, path, labels }: Unit) => {
    known.set(name, labels.instance);
    known.set(path, labels.instance);
  };
  const look = async (path: string, unit: string | undefined) => {
    const found =
      unit === undefined ? await units.read(path, { signal }) : await units.get(unit, { signal });
    if (found === undefined) {
      const id = known.get(unit ?? path);
      if (id !== undefined) emit(id);
    } else if (found.labels.node === units.nodeId) {
      learn(found);
      if (found.state.phase === 'exited') onEnded(found);
      emit(found.labels.instance);
    }
  };
  const stopListening = bus.onChange(({ unit, path }) => {
    if (unit === undefined ? !ourPaths.test(path) : !ourNames.test(unit)) return;
    look(path, unit).catch((error) => {
      if (!signal.aborted) log.debug({ err: error, unit, path }, 'unit not read');
    });
  });
  try {
    const all = await units.find(undefined, { signal });
    for (const unit of all) learn(unit);
    for (const id of new Set(all.map(({ labels }) => labels.instance))) emit(id);
    onConnected();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    await Promise.race([bus.closed, aborted]);
  } finally {
    stopListening();
  }
}
