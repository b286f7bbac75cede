import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { observeAlways, untilClosed } from '../observe-always.ts';
import type { InstanceId } from '../runtime.ts';
import type { Libvirt } from './libvirt.ts';
import type { Found, Machines } from './machines.ts';

interface ObserveDeps {
  readonly libvirt: Libvirt;
  readonly machines: Machines;
  /** What a libvirtd that died has left to do for one that runs. */
  readonly tidy: (id: InstanceId, options: CallOptions) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Instance ids from libvirt's events; after each (re)connection every known id once. */
export function observeDomains(deps: ObserveDeps, options: CallOptions): Observable<InstanceId> {
  const { clock, log, machines } = deps;
  const about = { clock, log, nodeId: machines.nodeId, engine: 'libvirt' };
  return observeAlways(about, (...args) => followOnce(deps, ...args), options);
}

async function followOnce(
  { libvirt, machines, tidy, log }: ObserveDeps,
  emit: (id: InstanceId) => void,
  signal: AbortSignal,
  onConnected: () => void,
): Promise<void> {
  // A domain that has gone cannot be asked whose it was.
  const known = new Map<string, InstanceId>();
  // Nobody waits for it: another task of the machine may be under way.
  const tidyUp = ({ labels: { instance }, state }: Found) => {
    if (state !== 'running') return;
    tidy(instance, { signal }).catch((error) => {
      if (!signal.aborted) log.warn({ err: error, instance }, 'machine not tidied');
    });
  };
  const look = async (uuid: string) => {
    const domain = await libvirt.find(uuid, { signal });
    const found = domain === undefined ? undefined : await machines.read(domain, { signal });
    const id = found?.labels.instance ?? known.get(uuid);
    if (id !== undefined) emit(id);
    if (found === undefined) known.delete(uuid);
    else {
      known.set(uuid, found.labels.instance);
      tidyUp(found);
    }
  };
  const onDomain = (uuid: string) => {
    look(uuid).catch((error) => {
      if (!signal.aborted) log.debug({ err: error, uuid }, 'domain not read');
    });
  };
  const { closed, stop } = await libvirt.watch(onDomain, { signal });
  try {
    for (const found of await machines.list({ signal })) {
      const { domain, labels } = found;
      known.set(domain.uuid, labels.instance);
      emit(labels.instance);
      tidyUp(found);
    }
    onConnected();
    await untilClosed(closed, signal);
  } finally {
    stop();
  }
}
