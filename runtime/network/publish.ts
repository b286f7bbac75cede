/**
 * Ports of the machine that lead to an instance with an address of its own, by iptables. Each instance has
 * chains of its own behind the common `BERTH-PORTS`; what it publishes is written down beside, until a reboot
 * takes both.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import { type InstanceNetwork, type PortSpec, RuntimeError } from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';
import { readLink, subnetOf } from './ip.ts';
import { ensureRule } from './rules.ts';

export interface PublishedPorts {
  /** At most 11 letters and digits, the instance's own. */
  readonly key: string;
  /** IPv4, of the instance. */
  readonly ip: string;
  /** By which the machine reaches the address. */
  readonly bridge: string;
  /** Of all that is on the bridge. */
  readonly subnet: string;
  /** Answers come back through this machine by themselves: the instance sees who asks. */
  readonly keepSource: boolean;
  readonly ports: readonly PortSpec[];
}

const parent = 'BERTH-PORTS';
const stateDir = '/run/berth/ports';

/** By key: what is taken back is not made again at the same moment. */
const serial = new KeyedSerial();

/** What the instance published before is replaced; nothing is done when it is the same. */
export async function publishPorts(asked: PublishedPorts, options: CallOptions): Promise<void> {
  await serial.run(asked.key, () => publish(asked, options));
}

/** What each instance has published. */
export async function publishedPorts(): Promise<readonly PublishedPorts[]> {
  const keys = await readdir(stateDir).catch(() => []);
  return (await Promise.all(keys.map(readPublished))).flatMap((each) => each ?? []);
}

/** As it was published before; nothing where that was taken back meanwhile. */
export async function publishAgain(key: string, options: CallOptions): Promise<void> {
  await serial.run(key, async () => {
    const published = await readPublished(key);
    if (published !== undefined) await publish(published, options);
  });
}

async function readPublished(key: string): Promise<PublishedPorts | undefined> {
  try {
    // Written by `publish`.
    return JSON.parse(await readFile(join(stateDir, key), 'utf8')) as PublishedPorts;
  } catch {
    return undefined;
  }
}

async function publish(asked: PublishedPorts, options: CallOptions): Promise<void> {
  const { key, bridge } = asked;
  const ports = asked.ports.filter(({ hostPort }) => hostPort !== undefined);
  if (ports.length === 0) return await unpublish(key, options);
  checkPorts(ports);
  await mkdir(stateDir, { recursive: true });
  // First: whoever removes the instance finds that there is something to take back.
  await writeFile(join(stateDir, key), JSON.stringify({ ...asked, ports }));
  await ensureParents(bridge, options);
  const input = portRules({ ...asked, ports });
  await run('iptables-restore', ['-w', '--noflush'], { ...options, input });
  for (const { table, caller, chain } of chainsOf(key)) {
    await ensureRule({ table, how: '-A', rule: [caller, '-j', chain] }, options);
  }
}

/** Those of what has an address of a pool. */
export async function publishPool(
  key: string,
  { address, prefixLength, bridge, gateway }: InstanceNetwork,
  ports: readonly PortSpec[],
  options: CallOptions,
): Promise<void> {
  const link = await readLink(bridge, options);
  const isGateway = link?.addresses.some((each) => each.split('/')[0] === gateway) ?? false;
  const subnet = subnetOf(address, prefixLength);
  await publishPorts({ key, ip: address, bridge, subnet, keepSource: isGateway, ports }, options);
}

/** Resolves also when nothing is published. */
export async function unpublishPorts(key: string, options: CallOptions): Promise<void> {
  await serial.run(key, () => unpublish(key, options));
}

async function unpublish(key: string, options: CallOptions): Promise<void> {
  const file = join(stateDir, key);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === undefined) return;
  for (const { table, caller, chain } of chainsOf(key)) {
    const gone = {
      ...options,
      mayFail: /No chain|does a matching rule exist|doesn't exist|does not exist/,
    };
    const iptables = ['-w', '-t', table];
    await run('iptables', [...iptables, '-D', caller, '-j', chain], gone);
    await run('iptables', [...iptables, '-F', chain], gone);
    await run('iptables', [...iptables, '-X', chain], gone);
  }
  await rm(file, { force: true });
}

/** What `iptables-restore` is given for one instance; its own chains are replaced as a whole. Pure. */
export function portRules({ key, ip, subnet, keepSource, ports }: PublishedPorts): string {
  const [to, back, pass] = [`BERTH-P-${key}`, `BERTH-P-${key}-B`, `BERTH-P-${key}-F`];
  const rules = ports.map(({ containerPort, hostPort, hostIp, protocol }) => {
    const kind = `-p ${protocol.toLowerCase()}`;
    const at = hostIp === undefined || hostIp === '0.0.0.0' ? '' : `-d ${hostIp}/32 `;
    const there = `-d ${ip}/32 ${kind} --dport ${containerPort} -m conntrack --ctstate DNAT`;
    return {
      to: `-A ${to} ${at}${kind} --dport ${hostPort} -j DNAT --to-destination ${ip}:${containerPort}`,
      // To the machine's own loopback, and past it to one on the same bridge, no answer would find back.
      back: keepSource
        ? ['127.0.0.0/8', subnet].map((from) => `-A ${back} -s ${from} ${there} -j MASQUERADE`)
        : [`-A ${back} ${there} -j MASQUERADE`],
      pass: `-A ${pass} ${there} -j ACCEPT`,
    };
  });
  return [
    '*nat',
    `:${to} - [0:0]`,
    `:${back} - [0:0]`,
    ...rules.map((each) => each.to),
    ...rules.flatMap((each) => each.back),
    'COMMIT',
    '*filter',
    `:${pass} - [0:0]`,
    ...rules.map((each) => each.pass),
    'COMMIT',
    '',
  ].join('\n');
}

function checkPorts(ports: readonly PortSpec[]): void {
  const bad = ports.find(({ hostIp }) => hostIp?.includes(':'));
  if (bad === undefined) return;
  const why = `ports[].hostIP: "${bad.hostIp}" is no IPv4 address, and the address it leads to is one`;
  throw new RuntimeError('InvalidSpec', why);
}

type Table = 'nat' | 'filter';

interface Chain {
  readonly table: Table;
  /** The common chain that calls it. */
  readonly caller: string;
  readonly chain: string;
}

function chainsOf(key: string): readonly Chain[] {
  const own = `BERTH-P-${key}`;
  return [
    { table: 'nat', caller: parent, chain: own },
    { table: 'nat', caller: `${parent}-B`, chain: `${own}-B` },
    { table: 'filter', caller: `${parent}-F`, chain: `${own}-F` },
  ];
}

async function ensureParents(bridge: string, options: CallOptions): Promise<void> {
  for (const { table, caller } of chainsOf('')) {
    const mayFail = /already exists/;
    await run('iptables', ['-w', '-t', table, '-N', caller], { ...options, mayFail });
  }
  const local = ['-m', 'addrtype', '--dst-type', 'LOCAL', '-j', parent];
  await ensureRule({ table: 'nat', how: '-I', rule: ['PREROUTING', ...local] }, options);
  await ensureRule({ table: 'nat', how: '-I', rule: ['OUTPUT', ...local] }, options);
  await ensureRule(
    { table: 'nat', how: '-I', rule: ['POSTROUTING', '-j', `${parent}-B`] },
    options,
  );
  await ensureRule({ table: 'filter', how: '-I', rule: ['FORWARD', '-j', `${parent}-F`] }, options);
  // The machine asks itself at 127.0.0.1, and the answer comes from the bridge; from there nothing else may
  // reach its loopback. Source: Kubernetes, CVE-2020-8558.
  const stray = ['-d', '127.0.0.0/8', '-m', 'conntrack', '!', '--ctstate'];
  const drop = ['INPUT', '-i', bridge, ...stray, 'RELATED,ESTABLISHED,DNAT', '-j', 'DROP'];
  await ensureRule({ table: 'filter', how: '-I', rule: drop }, options);
  await writeFile(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1');
}
