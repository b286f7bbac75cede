/** The verbs of a machine beside start and stop, each as `api/vm-states.ts` allows it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { cellOf, type MachineAction, type MachineVerb, refusalOf } from '../../api/vm-states.ts';
import type { CallOptions } from '../../lib/call.ts';
import { copyDisk, DiskError } from '../disk/disk-images.ts';
import type { MachineControl, MachineSnapshot } from '../machine.ts';
import { type InstanceId, RuntimeError } from '../runtime.ts';
import type { KeyedSerial } from '../serial.ts';
import { adjustMachine } from './adjust.ts';
import { errorCode, hasCode } from './libvirt.ts';
import { LiveDomains } from './libvirt-live.ts';
import type { LiveCaptures } from './live-capture.ts';
import { type LiveDisk, readLiveMachine } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';
import { removeSnapshot, restoreSnapshot, takeSnapshot } from './snapshot.ts';
import { endStillness, holdStill } from './still.ts';

/** `serial` is the driver's own: an instance has one thing done to it at a time. */
export function createMachineControl(
  machines: Machines,
  captures: LiveCaptures,
  serial: KeyedSerial,
): MachineControl {
  const { libvirt } = machines;
  /** Runs `task` unless the machine is as it shall be. */
  const allowed = (
    id: InstanceId,
    verb: MachineVerb,
    options: CallOptions,
    task: (found: Found) => Promise<void>,
  ) =>
    serial.run(id, async () => {
      const found = await machines.find(id, options);
      const state = found?.state ?? 'absent';
      const why = refusalOf(verb, state);
      if (why !== undefined) throw new RuntimeError('Conflict', why);
      if (found === undefined || cellOf(verb, state) !== 'do') return;
      await task(found).catch((error) => {
        throw failed(verb, error);
      });
    });

  const actions: Readonly<Record<MachineAction, (found: Found, call: CallOptions) => unknown>> = {
    reboot: ({ domain }, call) => libvirt.reboot(domain, call),
    discard: ({ domain }, call) => libvirt.discard(domain, call),
    reset: async ({ domain, state }, call) => {
      await libvirt.reset(domain, call);
      // Whoever presses the button wants it to run.
      if (state === 'paused') await libvirt.resume(domain, call);
    },
  };

  return {
    adjust: (id, wanted, options) =>
      serial.run(id, async () => {
        const found = await machines.find(id, options);
        if (found?.state !== 'running') return undefined;
        await captures.dropUnfinished(id, options);
        await endStillness(machines, found, options);
        return await adjustMachine(machines, found, wanted, options);
      }),
    still: (id, how, options, task) =>
      serial.run(id, async () => {
        return await holdStill(machines, await machines.find(id, options), how, options, task);
      }),
    save: (id, options) => allowed(id, 'save', options, (found) => machines.save(found, options)),
    snapshot: async (id, name, options) => {
      let taken: MachineSnapshot | undefined;
      await allowed(id, 'snapshot', options, async (found) => {
        taken = await takeSnapshot(machines, found, name, options);
      });
      if (taken === undefined) throw new RuntimeError('Conflict', 'nothing was there to be kept');
      return taken;
    },
    restore: (id, name, options) =>
      allowed(id, 'restore', options, (found) => restoreSnapshot(machines, found, name, options)),
    removeSnapshot: (id, name, options) =>
      serial.run(id, async () => {
        const found = await machines.find(id, options);
        if (found === undefined) return;
        await removeSnapshot(machines, found, name, options).catch((error) => {
          throw failed('snapshot', error);
        });
      }),
    disks: async (id, options) => {
      const found = await machines.find(id, options);
      return found === undefined
        ? []
        : (await disksOf(machines, found, options)).map(({ path }) => path);
    },
    openScreen: (id, options) => openScreen(machines, id, options),
    // A running machine is not held up by its copy.
    capture: async (id, what, options) => {
      let rest: (() => Promise<void>) | undefined;
      await allowed(id, 'capture', options, async (found) => {
        const disk = await diskOf(machines, found, what.disk, options);
        if (found.running) rest = await captures.begin(found, disk, what.path, options);
        else await copyDisk(disk.path, what.path, options);
      });
      await rest?.().catch((error) => {
        throw failed('capture', error);
      });
    },
    act: (id, action, options) =>
      allowed(id, action, options, async (found) => {
        await actions[action](found, options);
      }),
  };
}

async function openScreen(
  machines: Machines,
  id: InstanceId,
  options: CallOptions,
): Promise<Duplex> {
  const found = await machines.find(id, options);
  const why = refusalOf('vnc', found?.state ?? 'absent');
  if (why !== undefined || found === undefined) throw new RuntimeError('Conflict', why ?? '');
  const { screen } = readLiveMachine(
    await new LiveDomains(machines.libvirt).xml(found.domain, options),
  );
  if (screen === undefined) {
    throw new RuntimeError(
      'InvalidSpec',
      'the machine has no screen: it was started with graphics: false',
    );
  }
  const socket = connect({ path: screen, signal: options.signal });
  await once(socket, 'connect', options);
  return socket;
}

async function disksOf(
  { libvirt }: Machines,
  { domain }: Found,
  options: CallOptions,
): Promise<readonly LiveDisk[]> {
  return readLiveMachine(await new LiveDomains(libvirt).xml(domain, options)).disks;
}

async function diskOf(
  machines: Machines,
  found: Found,
  disk: string | undefined,
  options: CallOptions,
): Promise<LiveDisk> {
  const disks = await disksOf(machines, found, options);
  const chosen = disk === undefined ? disks[0] : disks.find(({ name }) => name === disk);
  if (chosen !== undefined) return chosen;
  const names = disks.map(({ name }) => name).join(', ');
  throw new RuntimeError('NotFound', `the machine has no disk "${disk ?? ''}", but: ${names}`);
}

/** In the words of libvirt, which knows more than the table. */
function failed(verb: MachineVerb, error: unknown): unknown {
  if (error instanceof DiskError) return new RuntimeError('Conflict', error.message);
  if (!(error instanceof LibvirtError)) return error;
  const reason = hasCode(error, errorCode.operationInvalid) ? 'Conflict' : 'Unavailable';
  return new RuntimeError(reason, `${verb}: ${error.message}`, { cause: error });
}
