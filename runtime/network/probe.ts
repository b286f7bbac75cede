/**
 * Asks on the wire whether somebody has an address, and tells the wire that somebody has it now.
 * The kernel does both by itself, so nothing needs to be installed: an interface without addresses
 * asks with the sender 0.0.0.0, which is what RFC 5227 calls a probe, and one with `arp_notify`
 * announces the address that it gets.
 */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import { type InstanceNetwork, RuntimeError } from '../runtime.ts';
import { type Link, linkExists } from './ip.ts';
import { namespaceExists } from './namespace.ts';

/** The kernel asks three times, so far apart. */
const askMs = 100;
/** The kernel gives up long before that many looks at 20 ms. */
const looksMax = 100;

/**
 * Prints the neighbour as the kernel knows it after the question. Without `lo` the namespace has no
 * table of addresses, and the kernel takes every one for a broadcast.
 */
const askScript = `
ip link set lo up
echo ${askMs} > /proc/sys/net/ipv4/neigh/eth0/retrans_time_ms
ip link set eth0 up
ip neighbour replace "$1" dev eth0 nud none use
for look in $(seq ${looksMax}); do
  found=$(ip neighbour show "$1" dev eth0)
  case $found in *INCOMPLETE*) sleep 0.02 ;; *) break ;; esac
done
echo "$found"
`;

const announceScript = `
echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_notify
ip address add "$1" dev eth0
ip link set eth0 up
`;

/**
 * Throws `StartFailed`, with the MAC of whoever answers for the address. `key` has at most 11
 * letters and digits, and is the instance's own.
 */
export async function checkAddressIsFree(
  network: InstanceNetwork,
  bridge: Link,
  key: string,
  options: CallOptions,
): Promise<void> {
  // Not with the address's own MAC: an earlier holder that still runs has it too, and a switch
  // does not send an answer back to where it came from.
  const found = await besideThem(network, bridge, key, undefined, options, async (enter) => {
    const [program = '', ...args] = [...enter, 'sh', '-c', askScript, 'sh', network.address];
    return await run(program, args, options);
  });
  const mac = /lladdr ([0-9a-f:]{17})/.exec(found)?.[1];
  if (mac === undefined) return;
  const who = mac === network.mac ? `${mac}, which an earlier holder has` : mac;
  const message = `address ${network.address} of pool "${network.pool}" is in use by ${who}`;
  throw new RuntimeError('AddressInUse', message);
}

/** For those who do not announce themselves when they start. */
export async function announceAddress(
  network: InstanceNetwork,
  bridge: Link,
  key: string,
  options: CallOptions,
): Promise<void> {
  await besideThem(network, bridge, key, network.mac, options, async (enter) => {
    const [program = '', ...args] = [...enter, 'sh', '-c', announceScript, 'sh'];
    return await run(program, [...args, `${network.address}/32`], options);
  });
}

/** Runs `ask` in a namespace of its own on the segment, which is gone afterwards. */
async function besideThem(
  network: InstanceNetwork,
  { mtu }: Link,
  key: string,
  mac: string | undefined,
  options: CallOptions,
  ask: (enter: readonly string[]) => Promise<string>,
): Promise<string> {
  const namespace = `berth-probe-${key}`;
  const outside = `bp${key}`;
  const own = mac === undefined ? '' : ` address ${mac}`;
  await removeNamespace(namespace, outside, options);
  try {
    const input = [
      `netns add ${namespace}`,
      `link add ${outside} mtu ${mtu} type veth peer name eth0 mtu ${mtu}${own} netns ${namespace}`,
      `link set ${outside} master ${network.bridge} up`,
      '',
    ].join('\n');
    await run('ip', ['-batch', '-'], { ...options, input });
    return await ask(['nsenter', `--net=/run/netns/${namespace}`]);
  } finally {
    await removeNamespace(namespace, outside, { signal: new AbortController().signal });
  }
}

async function removeNamespace(
  namespace: string,
  outside: string,
  options: CallOptions,
): Promise<void> {
  if (await linkExists(outside)) {
    const link = ['link', 'delete', outside];
    await run('ip', link, { ...options, mayFail: /Cannot find device/ });
  }
  if (await namespaceExists(namespace)) {
    const remove = ['netns', 'delete', namespace];
    await run('ip', remove, { ...options, mayFail: /No such file/ });
  }
}
