/** `berth vm`: what one does to a virtual machine, in the words of virsh and virtctl. */
import type { Command } from 'commander';
import { type MachineAction, machineActions } from '../../api/vm-states.ts';
import { newCommand } from '../command.ts';
import { type MachineWish, wishes, wishOfMachine } from '../verbs/machine-wishes.ts';
import { type Instance, instancePath, machineNamed } from '../verbs/pods.ts';
import {
  addSessionOptions,
  type Session,
  type SessionOptions,
  withSession,
} from '../verbs/session.ts';
import { captureCommand, restoreCommand, snapshotCommand } from '../verbs/vm-snapshots.ts';

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
  for (const verb of Object.keys(wishes) as MachineWish[]) {
    command.addCommand(
      part(verb, wishes[verb].purpose, (session, vm) => wishOfMachine(session, vm, verb)),
    );
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

async function act(session: Session, vm: Instance, verb: MachineAction): Promise<void> {
  await session.call({ method: 'POST', path: instancePath(session, vm, verb) });
  process.stdout.write(`vm/${vm.name} ${actions[verb].done}\n`);
}
