/**
 * The flat segment of a pool on this node: a bridge, made when it is not there, with the node's
 * uplink in it. What an administrator has made stays as it is.
 */
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import { type InstanceNetwork, RuntimeError } from '../runtime.ts';
import { type Link, readLink, subnetOf } from './ip.ts';
import { allowBridged, allowForwarding, masquerade } from './masquerade.ts';

/** Further name of the bridges that Berth has made. */
export const bridgeAlias = 'berth';

/** The bridge as it is in the end; `InvalidSpec` when the pool does not fit this machine. */
export async function ensureSegment(network: InstanceNetwork, options: CallOptions): Promise<Link> {
  const { bridge, uplink } = network;
  const uplinkLink = uplink === undefined ? undefined : await checkUplink(network, uplink, options);
  let link = await readLink(bridge, options);
  if (link === undefined) link = await makeBridge(network, uplinkLink, options);
  if (!link.isBridge) refuse(network, `bridge "${bridge}" is there and is no bridge`);
  if (!link.isUp) await ip(`link set ${bridge} up`, options);
  if (uplink !== undefined && (uplinkLink?.master !== bridge || !uplinkLink.isUp)) {
    await ip(`link set ${uplink} master ${bridge} up`, options);
  }
  const isOurs = link.alias === bridgeAlias;
  if (isOurs && uplink === undefined) await beGateway(network, link, options);
  await (isOurs ? allowForwarding : allowBridged)(bridge, options);
  return link;
}

async function checkUplink(
  network: InstanceNetwork,
  uplink: string,
  options: CallOptions,
): Promise<Link> {
  const link = await readLink(uplink, options);
  if (link === undefined) return refuse(network, `uplink "${uplink}" is no interface of this node`);
  if (link.master === network.bridge) return link;
  if (link.master !== undefined) {
    const remedy = `name it as the pool's bridge, or take the interface out of it`;
    return refuse(network, `uplink "${uplink}" is in "${link.master}" already: ${remedy}`);
  }
  if (link.addresses.length > 0) {
    // It would be cut off: what is in a bridge has no addresses of its own.
    const remedy = 'put it into a bridge that has them, and name that one';
    const has = link.addresses.join(', ');
    return refuse(network, `uplink "${uplink}" has addresses of this machine (${has}): ${remedy}`);
  }
  return link;
}

function refuse({ pool }: InstanceNetwork, why: string): never {
  throw new RuntimeError('InvalidSpec', `pool "${pool}": ${why}`);
}

async function makeBridge(
  network: InstanceNetwork,
  uplink: Link | undefined,
  options: CallOptions,
): Promise<Link> {
  const { bridge } = network;
  // Another instance of the pool may start at the same moment.
  const mayFail = /File exists/;
  await run('ip', ['link', 'add', 'name', bridge, 'type', 'bridge'], { ...options, mayFail });
  const made = await readLink(bridge, options);
  if (made === undefined) return refuse(network, `bridge "${bridge}" cannot be made`);
  // Said once more, its MAC stays; else it would take that of one of its ports each time.
  await ip(`link set ${bridge} address ${uplink?.mac ?? made.mac}`, options);
  await ip(`link set ${bridge} mtu ${uplink?.mtu ?? made.mtu} alias ${bridgeAlias}`, options);
  return (await readLink(bridge, options)) ?? made;
}

/** A segment that ends at this node has the node for its gateway. */
async function beGateway(
  { gateway, address, prefixLength, bridge }: InstanceNetwork,
  link: Link,
  options: CallOptions,
): Promise<void> {
  if (gateway === undefined) return;
  const own = `${gateway}/${prefixLength}`;
  if (!link.addresses.includes(own)) await ip(`address replace ${own} dev ${bridge}`, options);
  await masquerade(bridge, subnetOf(address, prefixLength), options);
}

async function ip(line: string, options: CallOptions): Promise<void> {
  await run('ip', line.split(' '), options);
}
