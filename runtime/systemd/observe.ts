import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Collapsed } from '../collapsed.ts';
import { observeAlways, untilClosed } from '../observe-always.ts';
import type { InstanceId } from '../runtime.ts';
import type { Unit } from './unit.ts';
import type { Units } from './units.ts';

interface ObserveDeps {
  readonly units: Units;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with a unit whose main process has ended. */
  readonly onEnded: (unit: Unit) => void;
}

/** Instance ids from systemd's signals; after each (re)connection every known id once. */
export function observeUnits(deps: ObserveDeps, options: CallOptions): Observable<InstanceId> {
  const { clock, log, units } = deps;
  const about = { clock, log, nodeId: units.nodeId, engine: 'systemd' };
  return observeAlways(about, (...args) => followOnce(deps, ...args), options);
}

const ourNames = /^berth_/;

async function followOnce(
  { units, log, onEnded }: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
): Promise<void> {
  const bus = await units.bus();
  // A unit that has gone cannot be asked whose it was.
  const known = new Map<string, InstanceId>();
  const emitGone = (name: string) => {
    const id = known.get(name);
    known.delete(name);
    if (id !== undefined) emit(id);
  };
  const look = async (name: string) => {
    const found = await units.get(name, { signal });
    if (found === undefined) emitGone(name);
    else if (found.labels.node === units.nodeId) {
      known.set(name, found.labels.instance);
      if (found.state.phase === 'exited') onEnded(found);
      emit(found.labels.instance);
    }
  };
  // A start alone is told of a dozen times.
  const looks = new Collapsed(async (name: string) => {
    await look(name).catch((error) => {
      if (!signal.aborted) log.debug({ err: error, unit: name }, 'unit not read');
    });
  });
  const stopListening = bus.onChange(({ unit, isGone }) => {
    if (!ourNames.test(unit) && !units.isAdopted(unit)) return;
    if (isGone) emitGone(unit);
    else looks.add(unit);
  });
  const stopHearing = units.onPaused(emit);
  try {
    const all = await units.find(undefined, { signal });
    for (const { name, labels } of all) known.set(name, labels.instance);
    for (const id of new Set(all.map(({ labels }) => labels.instance))) emit(id);
    onConnected();
    await untilClosed(bus.closed, signal);
  } finally {
    stopListening();
    stopHearing();
  }
}
