/**
 * Network namespaces with an address of the node's own bridge, for what is no container: made and
 * removed with iproute2. Which address is whose lies in files that go with a reboot, as the
 * namespaces do; that a file can be made only once is what keeps an address from two holders.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { run } from '../run.ts';

export interface BridgeOptions {
  /** @default berth0 */
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

/** Instances on one bridge that are tried before it counts as full. */
const addressesMax = 4_094;
const hostsFirst = 2;

export class BridgeNetwork {
  readonly #bridge: string;
  readonly #address: string;
  readonly #stateDir: string;

  constructor(options: BridgeOptions = {}) {
    this.#bridge = options.bridge ?? 'berth0';
    this.#address = options.address ?? '10.214.0.1/16';
    this.#stateDir = options.stateDir ?? '/run/berth/network';
  }

  /** Makes the namespace of `key` (at most 11 letters and digits), or finds it as it is. */
  async attach(key: string, options: CallOptions): Promise<Attachment> {
    const namespace = namespaceOf(key);
    const namespacePath = join('/run/netns', namespace);
    const known = await this.addressOf(key);
    if (known !== undefined && (await exists(namespace, options))) {
      return { namespacePath, ip: known };
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
    return { namespacePath, ip };
  }

  /** Removes the namespace and gives its address back; resolves also when there is none. */
  async detach(key: string, options: CallOptions): Promise<void> {
    if (await exists(namespaceOf(key), options)) {
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
      `link add name ${bridge} address ${macOf(ip)} type bridge`,
      `address add ${ip}/${length} dev ${bridge}`,
      `link set ${bridge} up`,
    ];
    // What is there already is refused and stays as it is.
    for (const line of lines) {
      await run('ip', line.split(' '), { ...options, mayFail: /File exists|already/ });
    }
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1').catch(() => undefined);
    const rule = ['POSTROUTING', '-s', `${ip}/${length}`, '!', '-o', bridge, '-j', 'MASQUERADE'];
    // Without iptables the instances reach one another and this machine, but nothing beyond it.
    const nat = async (action: string) =>
      await run('iptables', ['-w', '-t', 'nat', action, ...rule], options).then(
        () => true,
        () => false,
      );
    if (!(await nat('-C'))) await nat('-A');
  }

  async #make(key: string, ip: string, options: CallOptions): Promise<void> {
    const namespace = namespaceOf(key);
    const outside = `bv${key}`;
    const [gateway = '', length = ''] = this.#address.split('/');
    await run('ip', ['netns', 'add', namespace], options);
    const outer = [
      `link add ${outside} type veth peer name eth0 address ${macOf(ip)} netns ${namespace}`,
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

function namespaceOf(key: string): string {
  return `berth-${key}`;
}

async function exists(namespace: string, options: CallOptions): Promise<boolean> {
  const listed = await run('ip', ['netns', 'list'], options);
  return listed.split('\n').some((line) => line.split(' ')[0] === namespace);
}

/** Made of the address, so that whoever gets it later is reached at once. */
function macOf(ip: string): string {
  const octets = ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '00', ...octets].join(':');
}

function toNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
