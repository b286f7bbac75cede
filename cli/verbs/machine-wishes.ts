/** What a virtual machine shall be from now on, written into its manifest. */
import type { VM } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  cellOf,
  type MachineAction,
  type MachineVerb,
  refusalOf,
  stateOfPhase,
} from '../../api/vm-states.ts';
import { Failure } from '../failure.ts';
import { type Instance, instancePath } from './pods.ts';
import type { Session } from './session.ts';

export type MachineWish = Exclude<
  MachineVerb,
  MachineAction | 'snapshot' | 'restore' | 'capture' | 'vnc'
>;

interface WishEntry {
  readonly purpose: string;
  readonly spec: JsonObject;
  readonly done: string;
}

/** One could as well write it there oneself. */
export const wishes: Readonly<Record<MachineWish, WishEntry>> = {
  start: {
    purpose: 'Starts it, from its saved memory where there is some: running: true.',
    spec: { running: true, paused: null },
    done: 'shall run',
  },
  stop: {
    purpose: 'Shuts the guest down and keeps the machine: running: false.',
    spec: { running: false, stopMode: null },
    done: 'shall stop',
  },
  save: {
    purpose: 'Stops it with its memory on disk: running: false, stopMode: Save.',
    spec: { running: false, stopMode: 'Save' },
    done: 'shall be saved',
  },
  suspend: {
    purpose: 'Halts the guest where it is: paused: true.',
    spec: { paused: true },
    done: 'shall be paused',
  },
  resume: {
    purpose: 'Lets a paused guest go on: paused: false.',
    spec: { paused: null },
    done: 'shall go on',
  },
};

/** Refuses what its state does not allow. */
export async function wishOfMachine(
  session: Session,
  vm: Instance,
  verb: MachineWish,
): Promise<void> {
  const path = instancePath(session, vm, '').replace(/\/$/, '');
  const { body } = await session.call({ path });
  const { status } = body as unknown as VM; // The API's answer for the path.
  const state = stateOfPhase(status?.phase);
  const why = refusalOf(verb, state);
  if (why !== undefined) throw new Failure(`vm/${vm.name}: ${why}`);
  const { spec, done } = wishes[verb];
  const contentType = 'application/merge-patch+json';
  await session.call({ method: 'PATCH', path, contentType, body: { spec } });
  const already = cellOf(verb, state) === 'already' ? ', as it does already' : '';
  process.stdout.write(`vm/${vm.name} ${done}${already}\n`);
}
