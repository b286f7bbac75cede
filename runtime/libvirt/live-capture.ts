/**
 * A disk of a machine that runs, copied as it was at one moment. QEMU copies by itself while the guest goes on,
 * into a file beside; the machine's own disks are left as they are, whatever becomes of the copy.
 */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { checkRoom, DiskError } from '../disk/disk-images.ts';
import { type InstanceId, RuntimeError } from '../runtime.ts';
import { backupXml } from './domain-xml.ts';
import type { Domain } from './libvirt.ts';
import { jobEnd, LiveDomains } from './libvirt-live.ts';
import { Snapshots } from './libvirt-snapshots.ts';
import type { LiveDisk } from './live-machine.ts';
import type { Found, Machines } from './machines.ts';
import { LibvirtError } from './rpc/connection.ts';
import { freeze, thaw } from './snapshot.ts';

const pollMs = 250;

export class LiveCaptures {
  readonly #machines: Machines;
  /** Machines with a copy under way; one of each. */
  readonly #running = new Set<InstanceId>();

  constructor(machines: Machines) {
    this.#machines = machines;
  }

  /** The moment is that at which this resolves; what it resolves with waits until the copy is whole. */
  async begin(
    { domain, labels, state }: Found,
    { target, path: from }: LiveDisk,
    path: string,
    options: CallOptions,
  ): Promise<() => Promise<void>> {
    const { libvirt, attempts } = this.#machines;
    const { instance } = labels;
    if (this.#running.has(instance)) {
      throw new RuntimeError('Conflict', 'a disk of it is being captured: wait until it is');
    }
    await this.dropUnfinished(instance, options);
    if ((await stat(path).catch(() => undefined)) !== undefined) {
      throw new DiskError(`${path} is there already: name another file`);
    }
    const part = `${path}.part`;
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    await rm(part, { force: true });
    // A copy that finds no room fails what the guest writes meanwhile too.
    await checkRoom(from, path, options);
    await attempts.noteCapture(instance, part);
    this.#running.add(instance);
    const live = new LiveDomains(libvirt);
    const snapshots = new Snapshots(libvirt);
    try {
      const frozen = state === 'running' && (await freeze(snapshots, domain, options));
      try {
        await live.beginBackup(domain, backupXml(target, part), options);
      } finally {
        if (frozen) await thaw(snapshots, domain, options);
      }
    } catch (error) {
      await this.#end(instance, part);
      throw error;
    }
    return async () => {
      try {
        await this.#untilCopied(live, domain, options);
        await rename(part, path);
      } catch (error) {
        await this.#goOn(instance, options);
        throw error;
      } finally {
        await this.#end(instance, part);
      }
    };
  }

  /** What an agent that was killed had begun: the machine is as if nobody had asked. */
  async dropUnfinished(instance: InstanceId, options: CallOptions): Promise<void> {
    const { attempts, libvirt } = this.#machines;
    const part = await attempts.capture(instance);
    if (part === undefined || this.#running.has(instance)) return;
    const found = await this.#machines.find(instance, options);
    if (found?.running === true) {
      await new LiveDomains(libvirt).abortJob(found.domain, options).catch((error) => {
        // It has ended by itself.
        if (!(error instanceof LibvirtError)) throw error;
      });
      await thaw(new Snapshots(libvirt), found.domain, options);
      await this.#goOn(instance, options);
    }
    await this.#end(instance, part);
  }

  /** A guest whose write had to wait for the copy is halted with it: it writes again now. */
  async #goOn(instance: InstanceId, options: CallOptions): Promise<void> {
    const found = await this.#machines.find(instance, options);
    if (found?.halted === true) await this.#machines.libvirt.resume(found.domain, options);
  }

  async #end(instance: InstanceId, part: string): Promise<void> {
    await rm(part, { force: true });
    await this.#machines.attempts.noteCapture(instance, undefined);
    this.#running.delete(instance);
  }

  async #untilCopied(live: LiveDomains, domain: Domain, options: CallOptions): Promise<void> {
    const { clock } = this.#machines;
    while (await live.hasJob(domain, options)) await clock.sleep(pollMs, options.signal);
    const { type, error } = await live.endedJob(domain, options);
    if (type === jobEnd.completed) return;
    const why = type === jobEnd.cancelled ? 'it was cancelled' : error;
    throw new DiskError(`its disk could not be copied: ${why ?? 'is the disk of the node full?'}`);
  }
}
