/**
 * Leads an interface that plugins made in a namespace out to a bridge of the machine, where a hypervisor
 * finds it. The interface keeps its MAC and its addresses, by which CHECK knows it, but it is the guest
 * who has them: in the namespace a bridge passes all on, and the kernel itself answers to nothing.
 */
import { readFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { readLink } from '../network/ip.ts';
import { allowBridged } from '../network/masquerade.ts';
import { run } from '../run.ts';
import { RuntimeError } from '../runtime.ts';

/** Of the bridges on the machine. */
const bridgePrefix = 'bcni';

export interface MachineLink {
  /** Name of the namespace. */
  readonly namespace: string;
  /** Inside. */
  readonly interface: string;
  /** As `shortId` makes it. */
  readonly key: string;
  /** Which of the machine's interfaces; 0 to 15. */
  readonly index: number;
}

/** Without an address the kernel has nothing to say there. Source: Linux, ip-sysctl, `arp_ignore`. */
const insideScript = `
set -e
sysctl() { [ ! -e "/proc/sys/net/$1" ] || echo "$2" > "/proc/sys/net/$1"; }
for name in "$1" "$2" "$3"; do sysctl "ipv6/conf/$name/disable_ipv6" 1; done
sysctl "ipv4/conf/$2/arp_ignore" 8
ip link set "$1" master "$2"
ip link set "$3" master "$2"
ip link set "$2" up
ip link set "$3" up
# Its MAC is the guest's: the bridge is to look for it out there.
bridge fdb delete "$4" dev "$1" master 2> /dev/null || :
`;

/** The bridge, to be attached to; nothing is done where all is there. */
export async function linkOut(link: MachineLink, options: CallOptions): Promise<string> {
  const { namespace, interface: name } = link;
  const enter = ['ip', 'netns', 'exec', namespace];
  const inside = await readLink(name, options, enter);
  if (inside === undefined) {
    throw new RuntimeError('StartFailed', `interface ${name} is not in its namespace`);
  }
  const { outer, veth, inner, port } = namesOf(link);
  await allowBridged(`${bridgePrefix}+`, options);
  const there = await readLink(veth, options);
  if (there?.master === outer && inside.master === inner) return outer;
  const mayFail = /Cannot find device/;
  await run('ip', ['link', 'delete', veth], { ...options, mayFail });
  const { mac, mtu } = inside;
  // Not made of the addresses of its ports, of which one is the guest's.
  const own = macOf(link);
  const bridge = `mtu ${mtu} type bridge`;
  await run('ip', ['link', 'add', outer, ...bridge.split(' ')], {
    ...options,
    mayFail: /File exists/,
  });
  const input = [
    `link set ${outer} addrgenmode none mtu ${mtu}`,
    `link add ${veth} mtu ${mtu} type veth peer name ${port} mtu ${mtu} netns ${namespace}`,
    `link set ${veth} addrgenmode none`,
    `link set ${veth} master ${outer} up`,
    `link set ${outer} up`,
    '',
  ].join('\n');
  await run('ip', ['-batch', '-'], { ...options, input });
  await run('ip', ['-n', namespace, 'link', 'delete', inner], { ...options, mayFail });
  const add = ['-n', namespace, 'link', 'add', inner, 'address', own, 'type', 'bridge'];
  await run('ip', add, options);
  const args = [...enter.slice(1), 'sh', '-c', insideScript, 'sh', name, inner, port, mac];
  await run('ip', args, options);
  return outer;
}

/** Takes away what of a machine lies outside its namespace. */
export async function unlink(key: string, options: CallOptions): Promise<void> {
  const known = await readFile('/proc/net/dev', 'utf8');
  for (const name of known.match(new RegExp(`${bridgePrefix}${key}[0-9a-f]`, 'g')) ?? []) {
    const link = ['link', 'delete', name];
    await run('ip', link, { ...options, mayFail: /Cannot find device/ });
  }
}

/** At most 15 letters, as Linux has it. */
function namesOf({ key, index }: MachineLink) {
  const digit = index.toString(16);
  const outer = `${bridgePrefix}${key}${digit}`;
  return { outer, veth: `bo${key}${digit}`, inner: `vm${digit}`, port: `out${digit}` };
}

function macOf({ index }: MachineLink): string {
  return `02:be:ff:ff:ff:${index.toString(16).padStart(2, '0')}`;
}
