import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
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
  const known = new Map<string, Unit>();
  const learn = (unit: Unit) => {
    known.set(unit.name, unit);
    known.set(unit.path, unit);
  };
  const forget = ({ name, path }: Unit) => {
    known.delete(name);
    known.delete(path);
  };
  const look = async (path: string, unit: string | undefined) => {
    const found =
      unit === undefined ? await units.read(path, { signal }) : await units.get(unit, { signal });
    if (found === undefined) {
      const gone = known.get(unit ?? path);
      if (gone === undefined) return;
      forget(gone);
      emit(gone.labels.instance);
    } else if (found.labels.node === units.nodeId) {
      learn(found);
      if (found.state.phase === 'exited') onEnded(found);
      emit(found.labels.instance);
    }
  };
  const stopListening = bus.onChange(({ unit, path }) => {
    const ours = unit === undefined ? ourPaths.test(path) : ourNames.test(unit);
    if (!ours && !units.isAdopted(unit ?? path)) return;
    look(path, unit).catch((error) => {
      if (!signal.aborted) log.debug({ err: error, unit, path }, 'unit not read');
    });
  });
  const stopHearing = units.onPaused(emit);
  try {
    const all = await units.find(undefined, { signal });
    for (const unit of all) learn(unit);
    for (const id of new Set(all.map(({ labels }) => labels.instance))) emit(id);
    onConnected();
    await untilClosed(bus.closed, signal);
  } finally {
    stopListening();
    stopHearing();
  }
}
