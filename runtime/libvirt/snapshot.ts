/** Snapshots of a machine, kept within its qcow2 disks; with its memory where it ran. */
import { rm, symlink } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import type { MachineSnapshot } from '../machine.ts';
import { RuntimeError } from '../runtime.ts';
import { labelElement, snapshotXml } from './domain-xml.ts';
import { LiveDomains } from './libvirt-live.ts';
import { type Snapshot, Snapshots } from './libvirt-snapshots.ts';
import { type LiveDisk, readLiveMachine } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';

/** How often a guest is asked to go on writing. */
const thawTries = 3;

export async function takeSnapshot(
  { libvirt, attempts }: Machines,
  { domain, labels, state }: Found,
  name: string,
  options: CallOptions,
): Promise<MachineSnapshot> {
  const snapshots = new Snapshots(libvirt);
  const known = await snapshots.find(domain, name, options);
  if (known !== undefined) return { ...(await describe(snapshots, known, options)), frozen: false };
  const { disks } = readLiveMachine(await new LiveDomains(libvirt).xml(domain, options));
  for (const disk of disks) checkDisk(disk);
  await attempts.noteStill(labels.instance, true);
  const frozen = state === 'running' && (await freeze(snapshots, domain, options));
  let taken: Snapshot;
  try {
    taken = await snapshots.create(domain, snapshotXml(name, disks, state !== 'stopped'), options);
  } finally {
    if (frozen) await thaw(snapshots, domain, options);
    await attempts.noteStill(labels.instance, false);
  }
  return { ...(await describe(snapshots, taken, options)), frozen };
}

export async function removeSnapshot(
  { libvirt }: Machines,
  { domain }: Found,
  name: string,
  options: CallOptions,
): Promise<void> {
  const snapshots = new Snapshots(libvirt);
  const known = await snapshots.find(domain, name, options);
  if (known !== undefined) await snapshots.remove(known, options);
}

/**
 * libvirt brings back the domain as it was then, labels too: it gets those of a new attempt. What did not run
 * and is brought back with its memory is saved, so that it goes on when it is started.
 */
export async function restoreSnapshot(
  machines: Machines,
  { domain, labels, state }: Found,
  name: string,
  options: CallOptions,
): Promise<void> {
  const { libvirt, attempts, clock } = machines;
  const snapshots = new Snapshots(libvirt);
  const known = await snapshots.find(domain, name, options);
  if (known === undefined) {
    throw new RuntimeError('NotFound', `the machine has no snapshot "${name}"`);
  }
  const { memory } = await describe(snapshots, known, options);
  const stopped = state === 'stopped';
  const attempt = labels.attempt + 1;
  await attempts.prepare(labels.instance, attempt);
  await attempts.forget(labels.instance, attempt);
  await machines.noteReplaced(labels);
  if (memory) await leadConsole(machines, known, labels.instance, attempt, options);
  await snapshots.revert(known, options);
  const now = await libvirt.find(domain.uuid, options);
  if (now === undefined) throw new RuntimeError('Conflict', 'the machine was removed meanwhile');
  const found = await machines.read(now, options);
  const then = found?.labels ?? labels;
  const own = { ...labels, fixed: then.fixed, attempt, startedAtMs: clock.now() };
  const live = new LiveDomains(libvirt);
  await live.setLabels(now, labelElement(own), found?.running === true, options);
  if (found?.running === true) await attempts.noteStarted(labels.instance, attempt);
  if (!memory) return;
  // It was taken while they were still.
  await thaw(snapshots, now, options);
  if (stopped && found !== undefined) await machines.save({ ...found, domain: now }, options);
}

/** What the guest says goes where it was told to when the snapshot was taken: that is the new attempt's log. */
async function leadConsole(
  { libvirt, attempts }: Machines,
  snapshot: Snapshot,
  instance: string,
  attempt: number,
  options: CallOptions,
): Promise<void> {
  const xml = await new Snapshots(libvirt).xml(snapshot, options);
  const then = Number(/console\.(\d+)\.log/.exec(xml)?.[1] ?? attempt);
  if (then === attempt) return;
  const path = attempts.consoleLog(instance, then);
  await rm(path, { force: true });
  await symlink(attempts.consoleLog(instance, attempt), path);
}

function checkDisk({ name, isDevice, readOnly }: LiveDisk): void {
  if (!isDevice || readOnly) return;
  const why = `disk "${name}" is a volume, which keeps no snapshots of machines: take a VolumeSnapshot of it, or detach it`;
  throw new RuntimeError('Unsupported', why);
}

async function describe(snapshots: Snapshots, snapshot: Snapshot, options: CallOptions) {
  const xml = await snapshots.xml(snapshot, options);
  const seconds = Number(/<creationTime>(\d+)</.exec(xml)?.[1] ?? 0);
  const state = /<state>(\w+)</.exec(xml)?.[1] ?? '';
  return { createdAtMs: seconds * 1_000, memory: state !== 'shutoff' };
}

/** Whether the guest has an agent that does it. */
export async function freeze(
  snapshots: Snapshots,
  domain: Found['domain'],
  options: CallOptions,
): Promise<boolean> {
  try {
    await snapshots.freeze(domain, options);
    return true;
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    // It may have stilled some of them.
    await thaw(snapshots, domain, options);
    return false;
  }
}

export async function thaw(
  snapshots: Snapshots,
  domain: Found['domain'],
  options: CallOptions,
): Promise<void> {
  for (let tries = 0; tries < thawTries; tries += 1) {
    try {
      await snapshots.thaw(domain, options);
      return;
    } catch (error) {
      // Without an agent nothing was stilled.
      if (!(error instanceof LibvirtError)) throw error;
    }
  }
}
