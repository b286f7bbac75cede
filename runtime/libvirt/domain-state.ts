/** What libvirt's word for a domain says of its guest. Pure. */
import type { MachineState } from '../../api/vm-states.ts';
import type { DomainInfo, DomainState, StateReason } from './libvirt.ts';

type Told = Pick<DomainInfo, 'state' | 'reason'>;

const states: Readonly<Record<DomainState, MachineState>> = {
  nostate: 'stopped',
  running: 'running',
  blocked: 'running',
  paused: 'paused',
  shutdown: 'stopping',
  shutoff: 'stopped',
  crashed: 'stopped',
  pmsuspended: 'sleeping',
};

/** Of one whose memory is not saved. */
export function machineStateOf(told: Told): MachineState {
  return isStarting(told) ? 'absent' : states[told.state];
}

/** Also while it is halted. */
export function isUp({ state }: Told): boolean {
  return state !== 'shutoff' && state !== 'crashed' && state !== 'nostate';
}

/** Its CPUs have not run yet. A libvirtd that comes back ends what the one before was starting. */
export function isStarting({ state, reason }: Told): boolean {
  return state === 'paused' && reason === 'startingUp';
}

/** As 128 + SIGKILL where the plug was pulled; 255, as Docker has it, where nobody saw how it ended. */
const exitCodes: Partial<Record<StateReason, number>> = {
  shutdown: 0,
  saved: 0,
  crashed: 1,
  destroyed: 137,
  daemon: 137,
};
const unseen = 255;

/** How a guest that is off has ended; `undefined` when it has not run. `hasStarted`: as far as it was noted. */
export function exitCodeOf({ state, reason }: Told, hasStarted: boolean): number | undefined {
  // Nothing else ends by itself.
  if (!hasStarted && reason !== 'shutdown') return undefined;
  return state === 'crashed' ? 1 : (exitCodes[reason] ?? unseen);
}
