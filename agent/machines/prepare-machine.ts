/** Makes the disks of a virtual machine, and says what it is made of. */
import { createHash } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VM, VMDisk, VMInterface } from '../../api/kinds.gen.ts';
import { parseBytes } from '../../api/quantity.ts';
import { cpusOf } from '../../api/vm-instance.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { CniAttachment } from '../../runtime/cni/cni.ts';
import {
  DiskError,
  ensureDisk,
  ensureDownloaded,
  inspectDisk,
} from '../../runtime/disk/disk-images.ts';
import { fatImage } from '../../runtime/disk/fat-image.ts';
import type { Boot, MachineDisk, MachineInterface, MachineSpec } from '../../runtime/machine.ts';
import { privateBridge } from '../../runtime/network/bridge.ts';
import { macOfAddress } from '../../runtime/network/ip.ts';
import type { IoLimits } from '../../runtime/runtime.ts';
import type { InstanceNetworks } from '../addresses/instance-networks.ts';
import type { HeldVolume } from '../disks/hold-volumes.ts';
import { interfaceName } from '../networks/cni-requests.ts';
import { seedFiles, seedLabel } from './cloud-init.ts';

export interface PrepareOptions extends CallOptions {
  /** Its disks are in use: those that are there are left to the hypervisor. */
  readonly running?: boolean;
  /** Paths of the disks that it was started with last: they are never made anew. */
  readonly had: readonly string[];
  /** Told before an image is fetched, which may take long. */
  readonly fetching?: (url: string) => void;
}

/** What its interfaces are attached to: by their numbers, and by their names where CNI did it. */
export interface MachineNetworks {
  readonly pools: InstanceNetworks;
  readonly attachments: readonly CniAttachment[];
}

/** Throws `DiskError` with what its user can mend, or what may pass. */
export async function prepareMachine(
  vm: VM,
  networks: MachineNetworks,
  directory: string,
  held: ReadonlyMap<string, HeldVolume>,
  options: PrepareOptions,
): Promise<MachineSpec> {
  const { spec, metadata } = vm;
  const own = join(directory, metadata.uid ?? '');
  const disks: MachineDisk[] = [];
  for (const disk of spec.disks ?? []) {
    disks.push(
      disk.volume === undefined
        ? await prepareDisk(disk, directory, own, options)
        : volumeDisk(disk, held.get(disk.volume)),
    );
  }
  const interfaces = (spec.interfaces ?? []).map((each, index) =>
    interfaceOf(each, networks, index, metadata.uid ?? ''),
  );
  // What it boots with stays as it is.
  if (spec.cloudInit !== undefined && options.running !== true)
    disks.push(await makeSeed(vm, own, interfaces));
  const { cpu, memory, resources, graphics = true } = spec;
  const amount = resources.requests?.['memory'] ?? resources.limits?.['memory'];
  const { sockets = 1, cores = 1, threads = 1 } = cpu ?? {};
  const shaped = [cpu?.sockets, cpu?.cores, cpu?.threads].some((each) => each !== undefined);
  return {
    cpus: cpusOf(vm),
    memoryBytes: parseBytes(amount ?? '0'),
    ...(cpu?.max === undefined ? {} : { cpusMax: cpu.max }),
    ...(memory?.max === undefined ? {} : { memoryMaxBytes: parseBytes(memory.max) }),
    ...(memory?.hugepages === undefined ? {} : { hugepageBytes: parseBytes(memory.hugepages) }),
    ...(cpu?.model === undefined ? {} : { cpuModel: cpu.model }),
    ...(shaped ? { topology: { sockets, cores, threads } } : {}),
    boot: bootOf(vm),
    disks,
    interfaces,
    graphics,
  };
}

function bootOf({ spec }: VM): Boot {
  if (spec.boot === undefined) return { type: 'disk' };
  const { kernel, initrd, commandLine = '' } = spec.boot;
  return {
    type: 'kernel',
    kernelPath: kernel,
    ...(initrd === undefined ? {} : { initrdPath: initrd }),
    commandLine,
  };
}

async function prepareDisk(
  { name, size, image, path: foreign, readOnly = false, limits }: VMDisk,
  directory: string,
  own: string,
  options: PrepareOptions,
): Promise<MachineDisk> {
  const path = join(own, `${name}.qcow2`);
  const sizeBytes = size === undefined ? undefined : parseBytes(size);
  const known = sizeBytes === undefined ? {} : { sizeBytes };
  if (foreign !== undefined) {
    const more = { ...known, isForeign: true, limits: limitsOf(limits) };
    return { name, path: foreign, format: 'raw', readOnly, ...more };
  }
  const isMade = await isThere(path);
  // What is not mounted looks empty: its guest would begin anew.
  if (!isMade && options.had.includes(path)) throw new DiskError(diskGone(name, path));
  if (options.running !== true || !isMade) {
    const basePath = await imagePath(image, directory, options);
    const base = basePath === undefined ? {} : { basePath };
    try {
      await ensureDisk({ path, ...known, ...base }, options);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw new DiskError(`disk "${name}": ${error.message}`, { cause: error });
    }
  }
  return { name, path, format: 'qcow2', readOnly, ...known, limits: limitsOf(limits) };
}

function diskGone(name: string, path: string): string {
  const remedy = 'mount its disk, bring the file back, or give it another name to begin anew';
  return `disk "${name}": ${path} is gone: ${remedy}`;
}

/** The guest gets the device itself: nobody else has it mounted. What the volume may comes first. */
function volumeDisk(
  { name, volume: claim, readOnly = false, limits }: VMDisk,
  volume: HeldVolume | undefined,
): MachineDisk {
  if (volume === undefined) throw new DiskError(`disk "${name}": volume "${claim}" is not held`);
  const { device, link: path = device.path, sizeBytes } = volume;
  const all = { ...limitsOf(limits), ...volume.limits };
  return { name, path, isDevice: true, format: 'raw', readOnly, sizeBytes, limits: all };
}

function limitsOf(limits: VMDisk['limits']): IoLimits {
  const { readIOPS, writeIOPS, readBandwidth, writeBandwidth } = limits ?? {};
  return {
    ...(readIOPS === undefined ? {} : { readIops: readIOPS }),
    ...(writeIOPS === undefined ? {} : { writeIops: writeIOPS }),
    ...(readBandwidth === undefined ? {} : { readBytesPerSecond: parseBytes(readBandwidth) }),
    ...(writeBandwidth === undefined ? {} : { writeBytesPerSecond: parseBytes(writeBandwidth) }),
  };
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Of the node, or fetched once for all machines of the node. */
async function imagePath(
  image: VMDisk['image'],
  directory: string,
  options: PrepareOptions,
): Promise<string | undefined> {
  if (image?.path !== undefined) return image.path;
  const { url, checksum } = image ?? {};
  if (url === undefined || checksum === undefined) return undefined;
  const path = join(directory, 'images', checksum.replace(':', '-'));
  if (!(await isThere(path))) options.fetching?.(url);
  await ensureDownloaded({ url, checksum, path }, options);
  await inspectDisk(path, options);
  return path;
}

/** Made anew at each start, so that it says what the object says. */
async function makeSeed(
  vm: VM,
  own: string,
  interfaces: readonly MachineInterface[],
): Promise<MachineDisk> {
  const path = join(own, 'seed.img');
  try {
    await mkdir(own, { recursive: true, mode: 0o711 });
    await writeFile(`${path}.new`, fatImage(seedLabel, seedFiles(vm, interfaces)), { mode: 0o644 });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new DiskError(`the disk of cloud-init cannot be made: ${String(cause)}`, { cause });
  }
  return { name: 'cidata', path, format: 'raw', readOnly: true };
}

function interfaceOf(
  said: VMInterface,
  { pools, attachments }: MachineNetworks,
  index: number,
  uid: string,
): MachineInterface {
  const attachment = attachments.find((each) => each.interface === interfaceName(index));
  if (attachment !== undefined) {
    const { bridge = '', mac = macOfUid(uid, index), addresses } = attachment;
    const [first] = addresses;
    return { bridge, mac, attachment, ...(first === undefined ? {} : { ip: first.address }) };
  }
  const network = pools[index];
  if (network !== undefined) {
    const { bridge, mac, address: ip } = network;
    return { bridge, mac, ip, network };
  }
  return plainInterface(said, index, uid);
}

function plainInterface(
  { bridge = privateBridge, address, mac }: VMInterface,
  index: number,
  uid: string,
): MachineInterface {
  const ip = address?.split('/')[0];
  return {
    bridge,
    mac: mac ?? (ip === undefined ? macOfUid(uid, index) : macOfAddress(ip)),
    ...(ip === undefined ? {} : { ip }),
  };
}

function macOfUid(uid: string, index: number): string {
  const bytes = createHash('sha256').update(`${uid}/${index}`).digest().subarray(0, 5);
  return ['06', ...[...bytes].map(hex)].join(':');
}

function hex(part: string | number): string {
  return Number(part).toString(16).padStart(2, '0');
}
