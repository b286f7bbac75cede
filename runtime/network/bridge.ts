/**
 * Network namespaces for what is no container, with an address of a pool or, where none was asked
 * for, of a bridge that is the node's own; made and removed with iproute2. Which address is whose lies in files that go with a reboot, as the
 * namespaces do; that a file can be made only once is what keeps an address from two holders.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';
import type { InstanceNetwork, PortSpec } from '../runtime.ts';
import { interfaceAddresses } from './interface-addresses.ts';
import { macOfAddress, subnetOf, toAddress, toNumber } from './ip.ts';
import { joinSegment, removeLink } from './join.ts';
import { allowForwarding, masquerade } from './masquerade.ts';
import { ensureNamespace, namespaceExists, namespaceOf, namespacePath } from './namespace.ts';
import { publishPool, publishPorts, unpublishPorts } from './publish.ts';

export interface BridgeOptions {
  /** @default berth-nat0 */
  readonly bridge?: string;
  /** Address of the bridge and size of its network; the others get what is left. @default 10.214.0.1/16 */
  readonly address?: string;
  /** @default /run/berth/network */
  readonly stateDir?: string;
}

export interface Attachment {
  readonly namespacePath: string;
  readonly ip: string;
}

/** The same addresses on every node, behind the node's own: never one with the bridge of a pool. */
export const privateBridge = 'berth-nat0';
/** The node's own address on it. */
export const privateGateway = '10.214.0.1';
const privateLength = 16;
/** Instances on one bridge that are tried before it counts as full. */
const addressesMax = 4_094;
const hostsFirst = 2;

export class BridgeNetwork {
  readonly #bridge: string;
  readonly #address: string;
  readonly #stateDir: string;

  constructor(options: BridgeOptions = {}) {
    this.#bridge = options.bridge ?? privateBridge;
    this.#address = options.address ?? `${privateGateway}/${privateLength}`;
    this.#stateDir = options.stateDir ?? '/run/berth/network';
  }

  /**
   * Makes the namespace of `key` (at most 11 letters and digits), or finds it as it is; throws
   * `AddressInUse` and `InvalidSpec` about an address of a pool.
   */
  async attach(
    key: string,
    network: InstanceNetwork | undefined,
    options: CallOptions,
  ): Promise<Attachment> {
    if (network !== undefined) return await this.#join(key, network, options);
    const namespace = namespaceOf(key);
    const path = namespacePath(namespace);
    const known = await this.addressOf(key);
    if (known !== undefined && (await namespaceExists(namespace))) {
      return { namespacePath: path, ip: known };
    }
    await this.detach(key, options);
    const ip = await this.#take(key);
    try {
      await this.#ensureBridge(options);
      await this.#make(key, ip, options);
    } catch (error) {
      await this.detach(key, { signal: new AbortController().signal }).catch(() => undefined);
      throw error;
    }
    return { namespacePath: path, ip };
  }

  /** A namespace without any network, or one as it is. */
  async bare(key: string, options: CallOptions): Promise<string> {
    await ensureNamespace(namespaceOf(key), options);
    return namespacePath(namespaceOf(key));
  }

  /** Ports of the machine that lead to what `attach` has given an address. */
  async publish(
    key: string,
    network: InstanceNetwork | undefined,
    ports: readonly PortSpec[],
    options: CallOptions,
  ): Promise<void> {
    const ip = await this.addressOf(key);
    if (ip === undefined) return;
    if (network !== undefined) return await publishPool(key, network, ports, options);
    const [base = '', length = ''] = this.#address.split('/');
    const subnet = subnetOf(base, Number(length));
    const own = { key, ip, bridge: this.#bridge, subnet, keepSource: true, ports };
    await publishPorts(own, options);
  }

  /** Removes the namespace and gives its address back; resolves also when there is none. */
  async detach(key: string, options: CallOptions): Promise<void> {
    await unpublishPorts(key, options);
    // Whoever keeps the namespace alive (another mount namespace, an open file) must not keep the address with it.
    await removeLink(key, options);
    if (await namespaceExists(namespaceOf(key))) {
      await run('ip', ['netns', 'delete', namespaceOf(key)], options);
    }
    for (const [ip, holder] of await this.#holders()) {
      if (holder === key) await rm(join(this.#stateDir, ip), { force: true });
    }
  }

  async addressOf(key: string): Promise<string | undefined> {
    for (const [ip, holder] of await this.#holders()) if (holder === key) return ip;
    return undefined;
  }

  async #join(key: string, network: InstanceNetwork, options: CallOptions): Promise<Attachment> {
    const name = namespaceOf(key);
    const isThere = await namespaceExists(name);
    if (!isThere) await run('ip', ['netns', 'add', name], options);
    try {
      await joinSegment(network, { name }, key, options);
      await mkdir(this.#stateDir, { recursive: true });
      // Whoever held it here before is gone, or would have answered.
      await writeFile(join(this.#stateDir, network.address), key);
    } catch (error) {
      const { signal } = new AbortController();
      // Others of the instance may run in one that was there.
      if (!isThere) await this.detach(key, { signal }).catch(() => undefined);
      throw error;
    }
    return { namespacePath: namespacePath(name), ip: network.address };
  }

  /** Keys by address. */
  async #holders(): Promise<ReadonlyMap<string, string>> {
    const names = await readdir(this.#stateDir).catch(() => []);
    const read = async (name: string) => {
      const holder = await readFile(join(this.#stateDir, name), 'utf8').catch(() => '');
      return [name, holder] as const;
    };
    return new Map(await Promise.all(names.map(read)));
  }

  async #take(key: string): Promise<string> {
    await mkdir(this.#stateDir, { recursive: true });
    const [base = ''] = this.#address.split('/');
    const first = toNumber(base) - 1;
    const taken = new Set(await readdir(this.#stateDir));
    for (let host = hostsFirst; host < addressesMax; host += 1) {
      const ip = toAddress(first + host);
      if (taken.has(ip)) continue;
      try {
        await writeFile(join(this.#stateDir, ip), key, { flag: 'wx' });
        return ip;
      } catch (error) {
        // Somebody else was quicker.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    throw new Error(`no address is free on the bridge ${this.#bridge} (${this.#address})`);
  }

  async #ensureBridge(options: CallOptions): Promise<void> {
    const bridge = this.#bridge;
    const [ip = '', length = ''] = this.#address.split('/');
    const lines = [
      `link add name ${bridge} address ${macOfAddress(ip)} type bridge`,
      `address add ${ip}/${length} dev ${bridge}`,
      `link set ${bridge} up`,
    ];
    // What is there already is refused and stays as it is.
    for (const line of interfaceAddresses(bridge).includes(ip) ? [] : lines) {
      await run('ip', line.split(' '), { ...options, mayFail: /File exists|already/ });
    }
    await masquerade(bridge, subnetOf(ip, Number(length)), options);
    await allowForwarding(bridge, options);
  }

  async #make(key: string, ip: string, options: CallOptions): Promise<void> {
    const namespace = namespaceOf(key);
    const outside = `bv${key}`;
    const [gateway = '', length = ''] = this.#address.split('/');
    const outer = [
      `netns add ${namespace}`,
      `link add ${outside} type veth peer name eth0 address ${macOfAddress(ip)} netns ${namespace}`,
      `link set ${outside} master ${this.#bridge} up`,
    ];
    const inner = [
      'link set lo up',
      `address add ${ip}/${length} dev eth0`,
      'link set eth0 up',
      `route add default via ${gateway}`,
    ];
    await run('ip', ['-batch', '-'], { ...options, input: `${outer.join('\n')}\n` });
    const input = `${inner.join('\n')}\n`;
    await run('ip', ['-netns', namespace, '-batch', '-'], { ...options, input });
  }
}
