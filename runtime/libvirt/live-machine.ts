/** What a domain that runs is made of, read from libvirt's description of it. Pure. */
import type { IoLimits } from '../runtime.ts';
import { unescapeXml } from './domain-xml.ts';

/** A disk that lies in a file or device of the node; what lies elsewhere, and CDs, are left alone. */
export interface LiveDisk {
  /** Its serial number, or its target where it has none that could be a disk's name. */
  readonly name: string;
  /** `vda`. */
  readonly target: string;
  /** `virtio`, `scsi`, `sata`, … */
  readonly bus: string;
  readonly path: string;
  readonly isDevice: boolean;
  readonly readOnly: boolean;
  readonly limits: IoLimits;
}

/** On a bridge; others are left alone. */
export interface LiveInterface {
  readonly mac: string;
  readonly bridge: string;
}

export interface LiveMachine {
  readonly cpus: number;
  readonly cpusMax: number;
  readonly memoryBytes: bigint;
  readonly memoryMaxBytes: bigint;
  /** Of all its time on CPUs; absent = no limit. */
  readonly shares?: number;
  readonly quotaMicros?: number;
  readonly disks: readonly LiveDisk[];
  /** Of every drive, those that are left alone too. */
  readonly targets: readonly string[];
  readonly interfaces: readonly LiveInterface[];
  /** Socket of its screen, where it has one. */
  readonly screen?: string;
  /** The agent in the guest has opened its end. */
  readonly agent: boolean;
}

export function readLiveMachine(xml: string): LiveMachine {
  const vcpu = /<vcpu\b([^>]*)>(\d+)<\/vcpu>/.exec(xml);
  const cpusMax = Number(vcpu?.[2] ?? 1);
  const shares = numberIn(xml, 'shares');
  const quotaMicros = numberIn(xml, 'quota');
  const screen = attribute(tag(xml, 'graphics'), 'socket');
  const drives = blocks(xml, 'disk');
  return {
    cpusMax,
    cpus: Number(attribute(vcpu?.[1] ?? '', 'current') ?? cpusMax),
    memoryBytes: amountOf(xml, 'currentMemory'),
    memoryMaxBytes: amountOf(xml, 'memory'),
    ...(shares === undefined ? {} : { shares }),
    ...(quotaMicros === undefined || quotaMicros < 0 ? {} : { quotaMicros }),
    disks: drives.flatMap((block) => readDisk(block) ?? []),
    targets: drives.flatMap((block) => attribute(tag(block, 'target'), 'dev') ?? []),
    interfaces: blocks(xml, 'interface').flatMap((block) => readInterface(block) ?? []),
    ...(screen === undefined ? {} : { screen }),
    agent: /<target [^>]*guest_agent\.0['"] state=['"]connected['"]/.test(xml),
  };
}

const diskName = /^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$/;

function readDisk(block: string): LiveDisk | undefined {
  const head = block.slice(0, block.indexOf('>') + 1);
  // What it stands on has a source of its own, which comes after.
  const source = tag(block, 'source');
  const path = attribute(source, 'file') ?? attribute(source, 'dev');
  if (path === undefined || attribute(head, 'device') !== 'disk') return undefined;
  const tune = (name: string) => numberIn(block, name) || undefined;
  const [readIops, writeIops] = [tune('read_iops_sec'), tune('write_iops_sec')];
  const [read, write] = [tune('read_bytes_sec'), tune('write_bytes_sec')];
  const serial = unescapeXml(/<serial>([^<]*)<\/serial>/.exec(block)?.[1] ?? '');
  const target = attribute(tag(block, 'target'), 'dev') ?? '';
  return {
    name: diskName.test(serial) ? serial : target,
    target,
    bus: attribute(tag(block, 'target'), 'bus') ?? 'virtio',
    path,
    isDevice: attribute(head, 'type') === 'block',
    readOnly: block.includes('<readonly/>'),
    limits: {
      ...(readIops === undefined ? {} : { readIops }),
      ...(writeIops === undefined ? {} : { writeIops }),
      ...(read === undefined ? {} : { readBytesPerSecond: BigInt(read) }),
      ...(write === undefined ? {} : { writeBytesPerSecond: BigInt(write) }),
    },
  };
}

function readInterface(block: string): LiveInterface | undefined {
  const bridge = attribute(tag(block, 'source'), 'bridge');
  return bridge === undefined
    ? undefined
    : { mac: attribute(tag(block, 'mac'), 'address') ?? '', bridge };
}

/** `<name …>…</name>`, each; none of those asked for lies in one of its own kind. */
export function blocks(xml: string, name: string): readonly string[] {
  return xml.match(new RegExp(`<${name}\\s[^>]*>[\\s\\S]*?</${name}>`, 'g')) ?? [];
}

export function tag(block: string, name: string): string {
  return new RegExp(`<${name}\\s[^>]*>`).exec(block)?.[0] ?? '';
}

export function attribute(text: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}=(?:'([^']*)'|"([^"]*)")`).exec(text);
  return found === null ? undefined : unescapeXml(found[1] ?? found[2] ?? '');
}

function numberIn(xml: string, name: string): number | undefined {
  const text = new RegExp(`<${name}>(-?\\d+)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : Number(text);
}

const unitBytes: Readonly<Record<string, bigint>> = { b: 1n, KiB: 1024n };

function amountOf(xml: string, name: string): bigint {
  const found = new RegExp(`<${name}(\\s[^>]*)?>(\\d+)</${name}>`).exec(xml);
  const unit = attribute(found?.[1] ?? '', 'unit') ?? 'KiB';
  return BigInt(found?.[2] ?? 0) * (unitBytes[unit] ?? 1024n);
}
