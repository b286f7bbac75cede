/** `berth vm`: what one does to a virtual machine, in the words of virsh and virtctl. */
import type { Command } from 'commander';
import type { VM } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  cellOf,
  type MachineAction,
  type MachineVerb,
  machineActions,
  refusalOf,
  stateOfPhase,
} from '../../api/vm-states.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { type Instance, instancePath, machineNamed } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { captureCommand, restoreCommand, snapshotCommand } from '../verbs/vm-snapshots.ts';

type Wish = Exclude<MachineVerb, MachineAction | 'snapshot' | 'restore' | 'capture' | 'vnc'>;

interface WishEntry {
  readonly purpose: string;
  readonly spec: JsonObject;
  readonly done: string;
}

/** What a machine shall be from now on: in its manifest, one could as well write it there. */
const wishes: Readonly<Record<Wish, WishEntry>> = {
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

const actions: Readonly<
  Record<MachineAction, { readonly purpose: string; readonly done: string }>
> = {
  reboot: { purpose: 'Asks the guest to boot anew.', done: 'was asked to reboot' },
  reset: { purpose: 'Presses its reset button: the guest is not asked.', done: 'was reset' },
  discard: {
    purpose: 'Gives up the saved memory, so that the next start boots.',
    done: 'has no saved memory any more',
  },
};

export function vmCommand(): Command {
  const command = newCommand({
    name: 'vm',
    purpose: 'Does something to virtual machines.',
    examples: ['berth vm reboot vm/db', 'berth vm suspend vm/db', 'berth vm save vm/db vm/web'],
  });
  for (const verb of Object.keys(wishes) as Wish[]) {
    command.addCommand(part(verb, wishes[verb].purpose, (session, vm) => wish(session, vm, verb)));
  }
  for (const each of [snapshotCommand, restoreCommand, captureCommand]) {
    command.addCommand(each());
  }
  for (const verb of machineActions) {
    command.addCommand(part(verb, actions[verb].purpose, (session, vm) => act(session, vm, verb)));
  }
  return command;
}

type Doing = (session: Session, vm: Instance) => Promise<void>;

function part(name: string, purpose: string, doing: Doing): Command {
  const command = newCommand({ name, purpose, examples: [`berth vm ${name} vm/db`] })
    .name(name)
    .argument('<vm...>', 'vm/NAME');
  return addSessionOptions(command).action((vms: string[], options: SessionOptions) =>
    withSession(options, async (session) => {
      for (const vm of vms.map(machineNamed)) await doing(session, vm);
    }),
  );
}

async function wish(session: Session, vm: Instance, verb: Wish): Promise<void> {
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

async function act(session: Session, vm: Instance, verb: MachineAction): Promise<void> {
  await session.call({ method: 'POST', path: instancePath(session, vm, verb) });
  process.stdout.write(`vm/${vm.name} ${actions[verb].done}\n`);
}
