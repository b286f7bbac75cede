/** What iproute2 tells of interfaces, and IPv4 addresses as numbers. */
import { readFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

export interface Link {
  readonly mac: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly isBridge: boolean;
  /** The bridge it belongs to. */
  readonly master: string | undefined;
  /** Its further name, which says who made it. */
  readonly alias: string | undefined;
  /** IPv4, like `10.0.0.1/24`. */
  readonly addresses: readonly string[];
}

/** As `ip -json -details address show` prints it; fields of no interest are left out. */
interface PrintedLink {
  readonly ifname?: string;
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly {
    readonly family: string;
    readonly local?: string;
    readonly prefixlen: number;
  }[];
}

/** Whether this namespace has an interface of that name. */
export async function linkExists(name: string): Promise<boolean> {
  const links = await readFile('/proc/net/dev', 'utf8');
  return links.split('\n').some((line) => line.trimStart().startsWith(`${name}:`));
}

/** `undefined` when there is none of that name; `enter` runs it in another namespace. */
export async function readLink(
  name: string,
  options: CallOptions,
  enter: readonly string[] = [],
): Promise<Link | undefined> {
  const [program = 'ip', ...args] = [...enter, 'ip', '-json', '-details', 'address', 'show'];
  const mayFail = /does not exist/;
  const text = await run(program, [...args, 'dev', name], { ...options, mayFail });
  // iproute2's own format; an empty object stands for a link that went meanwhile.
  const printed = text.trim() === '' ? [] : (JSON.parse(text) as readonly PrintedLink[]);
  const link = printed.find((each) => each.ifname === name);
  if (link === undefined) return undefined;
  const { address, mtu, flags, linkinfo, master, ifalias, addr_info } = link;
  return {
    mac: address,
    mtu,
    isUp: flags.includes('UP'),
    isBridge: linkinfo?.info_kind === 'bridge',
    master,
    alias: ifalias,
    addresses: addr_info.flatMap(({ family, local, prefixlen }) =>
      family === 'inet' && local !== undefined ? [`${local}/${prefixlen}`] : [],
    ),
  };
}

export function toNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** `10.99.0.0/24` of `10.99.0.50` and 24. */
export function subnetOf(ip: string, prefixLength: number): string {
  const size = 2 ** (32 - prefixLength);
  return `${toAddress(Math.floor(toNumber(ip) / size) * size)}/${prefixLength}`;
}

/** `02:be` and the four bytes of the address, so that whoever gets it later is reached at once. */
export function macOfAddress(ip: string): string {
  const octets = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', 'be', ...octets].join(':');
}
