/** What a domain that runs is made of, read from libvirt's description of it. Pure. */
import type { IoLimits } from '../runtime.ts';
import { unescapeXml } from './domain-xml.ts';

export interface LiveDisk {
  readonly name: string;
  /** `vda`. */
  readonly target: string;
  readonly path: string;
  readonly isDevice: boolean;
  readonly readOnly: boolean;
  readonly limits: IoLimits;
}

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
  return {
    cpusMax,
    cpus: Number(attribute(vcpu?.[1] ?? '', 'current') ?? cpusMax),
    memoryBytes: amountOf(xml, 'currentMemory'),
    memoryMaxBytes: amountOf(xml, 'memory'),
    ...(shares === undefined ? {} : { shares }),
    ...(quotaMicros === undefined || quotaMicros < 0 ? {} : { quotaMicros }),
    disks: blocks(xml, 'disk').map(readDisk),
    interfaces: blocks(xml, 'interface').map((block) => ({
      mac: attribute(tag(block, 'mac'), 'address') ?? '',
      bridge: attribute(tag(block, 'source'), 'bridge') ?? '',
    })),
    ...(screen === undefined ? {} : { screen }),
    agent: /<target [^>]*guest_agent\.0['"] state=['"]connected['"]/.test(xml),
  };
}

function readDisk(block: string): LiveDisk {
  // What it stands on has a source of its own, which comes after.
  const source = tag(block, 'source');
  const tune = (name: string) => numberIn(block, name) || undefined;
  const [readIops, writeIops] = [tune('read_iops_sec'), tune('write_iops_sec')];
  const [read, write] = [tune('read_bytes_sec'), tune('write_bytes_sec')];
  return {
    name: unescapeXml(/<serial>([^<]*)<\/serial>/.exec(block)?.[1] ?? ''),
    target: attribute(tag(block, 'target'), 'dev') ?? '',
    path: attribute(source, 'file') ?? attribute(source, 'dev') ?? '',
    isDevice: attribute(block.slice(0, block.indexOf('>')), 'type') === 'block',
    readOnly: block.includes('<readonly/>'),
    limits: {
      ...(readIops === undefined ? {} : { readIops }),
      ...(writeIops === undefined ? {} : { writeIops }),
      ...(read === undefined ? {} : { readBytesPerSecond: BigInt(read) }),
      ...(write === undefined ? {} : { writeBytesPerSecond: BigInt(write) }),
    },
  };
}

/** `<name …>…</name>`, each; none of those asked for lies in one of its own kind. */
function blocks(xml: string, name: string): readonly string[] {
  return xml.match(new RegExp(`<${name}\\s[^>]*>[\\s\\S]*?</${name}>`, 'g')) ?? [];
}

function tag(block: string, name: string): string {
  return new RegExp(`<${name}\\s[^>]*>`).exec(block)?.[0] ?? '';
}

function attribute(text: string, name: string): string | undefined {
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
