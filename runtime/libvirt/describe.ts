/** A domain that somebody else made, as a VM would have to say it. Pure. */
import type { VMDisk, VMInterface, VMSpec } from '../../api/kinds.gen.ts';
import { unescapeXml } from './domain-xml.ts';
import {
  attribute,
  blocks,
  type LiveDisk,
  type LiveMachine,
  readLiveMachine,
  tag,
} from './live-machine.ts';

export interface DescribedDomain {
  readonly spec: VMSpec;
  /** In a sentence each: what Berth cannot do with it, or does not show. */
  readonly lacking: readonly string[];
}

export function describeDomain(xml: string, running: boolean): DescribedDomain {
  const live = readLiveMachine(xml);
  const { cpus, cpusMax, memoryBytes, memoryMaxBytes, interfaces } = live;
  const cpu = { ...cpuOf(xml), ...(cpusMax > cpus ? { max: cpusMax } : {}) };
  const boot = bootOf(xml);
  const spec: VMSpec = {
    ...(running ? {} : { running: false }),
    resources: { requests: { cpu: String(cpus), memory: quantityOf(memoryBytes) } },
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(memoryMaxBytes > memoryBytes ? { memory: { max: quantityOf(memoryMaxBytes) } } : {}),
    ...(boot === undefined ? {} : { boot }),
    disks: live.disks.map(diskOf),
    interfaces: interfaces.map(({ mac, bridge }): VMInterface => ({ mac, bridge })),
    graphics: blocks(xml, 'graphics').length > 0 || /<graphics\s[^>]*\/>/.test(xml),
  };
  return { spec, lacking: lackingOf(xml, live) };
}

function diskOf({ name, path, readOnly, limits }: LiveDisk): VMDisk {
  const { readIops, writeIops, readBytesPerSecond, writeBytesPerSecond } = limits;
  const said = {
    ...(readIops === undefined ? {} : { readIOPS: readIops }),
    ...(writeIops === undefined ? {} : { writeIOPS: writeIops }),
    ...(readBytesPerSecond === undefined ? {} : { readBandwidth: String(readBytesPerSecond) }),
    ...(writeBytesPerSecond === undefined ? {} : { writeBandwidth: String(writeBytesPerSecond) }),
  };
  return {
    name,
    path,
    ...(readOnly ? { readOnly } : {}),
    ...(Object.keys(said).length === 0 ? {} : { limits: said }),
  };
}

function cpuOf(xml: string): NonNullable<VMSpec['cpu']> {
  const [block = ''] = blocks(xml, 'cpu');
  const mode = attribute(tag(block, 'cpu'), 'mode');
  const named = /<model\b[^>]*>([^<]+)<\/model>/.exec(block)?.[1];
  const model = mode === 'custom' || mode === undefined ? named : mode;
  const topology = tag(block, 'topology');
  // Of dies a VM knows nothing.
  const shape = Number(attribute(topology, 'dies') ?? 1) > 1 ? '' : topology;
  const [sockets, cores, threads] = ['sockets', 'cores', 'threads'].map((part) =>
    Number(attribute(shape, part) ?? 1),
  );
  return {
    ...(model === undefined ? {} : { model: unescapeXml(model) }),
    ...(shape === '' || sockets === undefined || cores === undefined || threads === undefined
      ? {}
      : { sockets, cores, threads }),
  };
}

function bootOf(xml: string): VMSpec['boot'] {
  const text = (name: string) => {
    const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
    return found === undefined ? undefined : unescapeXml(found);
  };
  const [kernel, initrd, commandLine] = ['kernel', 'initrd', 'cmdline'].map(text);
  if (kernel === undefined) return undefined;
  return {
    kernel,
    ...(initrd === undefined ? {} : { initrd }),
    ...(commandLine === undefined ? {} : { commandLine }),
  };
}

/** Kept as libvirt has them, and not shown in the VM. */
const keptParts = ['hostdev', 'filesystem', 'tpm', 'redirdev', 'shmem', 'vsock'];

function lackingOf(xml: string, { disks, interfaces }: LiveMachine): readonly string[] {
  const kept = keptParts.filter((name) => new RegExp(`<${name}[\\s>]`).test(xml));
  const others = [
    counted(blocks(xml, 'disk').length - disks.length, 'drive'),
    counted(blocks(xml, 'interface').length - interfaces.length, 'interface'),
    ...kept,
  ].filter((each) => each !== '');
  const tuned = ['cputune', 'numatune'].filter((name) => xml.includes(`<${name}>`));
  return [
    'berth logs: its console is not kept; "berth console" shows it while it runs',
    'cloudInit: it gets no disk of cloud-init',
    ...(xml.includes('org.qemu.guest_agent.0')
      ? []
      : ['berth exec: it has no channel for an agent in the guest']),
    ...(others.length === 0 ? [] : [`${others.join(', ')}: kept as libvirt has them, not shown`]),
    ...(tuned.length === 0 ? [] : [`${tuned.join(', ')}: kept as libvirt has them, not shown`]),
  ];
}

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'} of another kind`;
}

function quantityOf(bytes: bigint): string {
  const mebi = 1n << 20n;
  return bytes % mebi === 0n ? `${bytes / mebi}Mi` : String(bytes);
}
