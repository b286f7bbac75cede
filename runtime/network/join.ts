/** Gives a network namespace its address on the segment of a pool. */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import type { InstanceNetwork } from '../runtime.ts';
import { linkExists, readLink } from './ip.ts';
import { checkAddressIsFree } from './probe.ts';
import { ensureSegment } from './segment.ts';

/** A network namespace, by its name below `/run/netns` or by a process that is in it. */
export type NamespaceRef = { readonly name: string } | { readonly pid: number };

/** The address is announced when the interface comes up: one that moved is found at once. */
const insideScript = `
echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_notify
exec ip -batch -
`;

/**
 * Resolves when the namespace has the address, on `eth0`; nothing is done to one that has it.
 * `key` has at most 11 letters and digits, and is the instance's own. `AddressInUse` when somebody
 * else answers for the address.
 */
export async function joinSegment(
  network: InstanceNetwork,
  namespace: NamespaceRef,
  key: string,
  options: CallOptions,
): Promise<void> {
  const bridge = await ensureSegment(network, options);
  const enter = ['nsenter', `--net=${pathOf(namespace)}`];
  const outside = `bv${key}`;
  const address = `${network.address}/${network.prefixLength}`;
  const inside = await readLink('eth0', options, enter);
  if (inside?.isUp && inside.addresses.includes(address)) {
    const link = await readLink(outside, options);
    if (link?.master === network.bridge && link.isUp) return;
  }
  // What is left of an earlier attachment of its own would answer for the address.
  await removeLink(key, options);
  await checkAddressIsFree(network, bridge, key, options);
  const { mac, gateway } = network;
  const peer = `peer name eth0 address ${mac} mtu ${bridge.mtu} netns ${targetOf(namespace)}`;
  await batch(['ip', '-batch', '-'], options, [
    `link add ${outside} mtu ${bridge.mtu} type veth ${peer}`,
    `link set ${outside} master ${network.bridge} up`,
  ]);
  await batch([...enter, 'sh', '-c', insideScript], options, [
    'link set lo up',
    `address add ${address} broadcast + dev eth0`,
    'link set eth0 up',
    // The gateway may lie outside of the segment's own addresses.
    ...(gateway === undefined ? [] : [`route replace default via ${gateway} dev eth0 onlink`]),
  ]);
}

/** Takes an instance off its segment, whatever still has its namespace; resolves also when it is on none. */
export async function removeLink(key: string, options: CallOptions): Promise<void> {
  const name = `bv${key}`;
  if (!(await linkExists(name))) return;
  await run('ip', ['link', 'delete', name], { ...options, mayFail: /Cannot find device/ });
}

function pathOf(namespace: NamespaceRef): string {
  return 'pid' in namespace ? `/proc/${namespace.pid}/ns/net` : `/run/netns/${namespace.name}`;
}

function targetOf(namespace: NamespaceRef): string {
  return 'pid' in namespace ? String(namespace.pid) : namespace.name;
}

async function batch(
  [program = '', ...args]: readonly string[],
  options: CallOptions,
  lines: readonly string[],
): Promise<void> {
  await run(program, args, { ...options, input: `${lines.join('\n')}\n` });
}
