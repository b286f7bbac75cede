/** The node's names: where its keeper of names listens, and which pods ask it. */
import type { Pod } from '../../api/kinds.gen.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { type CniAttachment, hasMain } from '../../runtime/cni/cni.ts';
import { privateGateway } from '../../runtime/network/bridge.ts';
import { parseResolvConf, withoutLoopback } from '../../runtime/network/resolv-conf.ts';
import type { DnsSpec, InstanceNetwork, RuntimeName } from '../../runtime/runtime.ts';
import type { InstanceNetworks } from '../addresses/instance-networks.ts';
import { Leases } from '../dhcp/leases.ts';
import { KeeperLink, type KeeperProgram } from './keeper/keeper-link.ts';
import type { ServedPlace } from './keeper/messages.ts';
import { ownNames } from './keeper/own-names.ts';
import { NameLookup } from './name-lookup.ts';
import { podDns, usesOurs } from './pod-dns.ts';

export interface NodeDnsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** The process that answers. */
  readonly keeper: KeeperProgram;
  /** The machine's `resolv.conf`. */
  readonly readConf: () => Promise<string>;
  /** IPv4 addresses of an interface of the machine; none when there is no such interface. */
  readonly addressesOf: (interfaceName: string) => readonly string[];
  /** Has this server asked in place of an address of ours, while nobody listens there. */
  readonly fallBackTo: (address: string, server: string, options: CallOptions) => Promise<void>;
}

/** What a pod asks. */
export interface PodNames {
  /** Serves names to a pod that may have started before this agent did. */
  follow(
    pod: Pod,
    runtime: RuntimeName,
    networks: InstanceNetworks,
    attachments?: readonly CniAttachment[],
  ): void;
  /** `attached` is its main network when that is one by CNI. */
  dnsOf(
    pod: Pod,
    runtime: RuntimeName,
    network: InstanceNetwork | undefined,
    attached?: CniAttachment,
  ): DnsSpec | undefined;
}

/** Made by dockerd for containers without a network of their own. */
const dockerBridge = 'docker0';
const rereadMs = 5_000;
/** Longer than that the first pods do not wait for what can be served. */
const preparedMs = 5_000;
const pollMs = 20;

export class NodeDns implements PodNames {
  readonly #options: NodeDnsOptions;
  readonly #keeper: KeeperLink;
  readonly #leases = new Leases();
  /** Bridges on which this node has no address. */
  readonly #unreached = new Set<string>();
  /** Servers before the machine's own, by address. */
  readonly #listening = new Map<string, readonly string[]>();
  /** Under way, or made as it should be, by address. */
  readonly #fallbacks = new Map<string, string>();
  #conf: DnsSpec = parseResolvConf('');
  #linked: Promise<void> | undefined;

  constructor(options: NodeDnsOptions) {
    const { client, clock, log } = options;
    const lookup = new NameLookup(client, clock);
    this.#options = options;
    this.#keeper = new KeeperLink({
      program: options.keeper,
      find: (namespace, name, call) => lookup.find(namespace, name, call),
      clock,
      log,
    });
  }

  follow(
    pod: Pod,
    runtime: RuntimeName,
    networks: InstanceNetworks,
    attachments: readonly CniAttachment[] = [],
  ): void {
    if (!usesOurs(pod)) return;
    for (const each of attachments.filter((one) => hasMain([one]))) {
      const address = this.#gatewayHere(each);
      if (address !== undefined) this.#listen(address, each.dns.servers);
      return;
    }
    const own = networks.filter((each) => each !== undefined);
    for (const network of own.length === 0 ? [undefined] : own) {
      // What it asks was told to it when it started; what DHCP tells it is noted again.
      this.dnsOf(pod, runtime, network);
    }
  }

  dnsOf(
    pod: Pod,
    runtime: RuntimeName,
    network: InstanceNetwork | undefined,
    attached?: CniAttachment,
  ): DnsSpec | undefined {
    const dns = attached?.dns.servers ?? network?.dns ?? [];
    const reached =
      attached === undefined
        ? this.#addressFor(pod, runtime, network)
        : this.#gatewayHere(attached);
    if (reached === undefined && network !== undefined) this.#noteUnreached(network);
    const address = usesOurs(pod) ? reached : undefined;
    const isServed = address !== undefined && this.#listen(address, dns);
    const told = podDns(pod, {
      conf: this.#conf,
      ...(attached === undefined ? { segment: dns } : { attached: attached.dns }),
      ...(isServed ? { server: address } : {}),
    });
    if (isVm(pod) && network !== undefined && reached !== undefined) {
      this.#leases.note(pod, network, { server: reached, dns: told?.servers ?? network.dns });
    }
    return told;
  }

  /** All instances of the node, as they are now. */
  setInstances(instances: readonly Pod[]): void {
    this.#keeper.setOwn(ownNames(instances), this.#leases.of(instances));
  }

  /** Before the first pod asks: whether names can be served is known then. Begins what `run` goes on with. */
  async prepare(options: CallOptions): Promise<void> {
    const { clock, log } = this.#options;
    this.#linked = this.#keeper.run(options);
    await this.#reread();
    const [docker] = this.#options.addressesOf(dockerBridge);
    if (docker === undefined) return;
    this.#listen(docker, []);
    const untilMs = clock.now() + preparedMs;
    const isTold = () => (this.#keeper.stateOf(docker) ?? 'waiting') !== 'waiting';
    while (!isTold() && clock.now() < untilMs && !options.signal.aborted)
      await clock.sleep(pollMs, options.signal).catch(() => undefined);
    if (!isTold()) log.warn({ address: docker }, 'the keeper of names has not told what it serves');
    await this.#prepareFallbacks(options);
  }

  async run({ signal }: CallOptions): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(rereadMs, signal).catch(() => undefined);
      if (signal.aborted) break;
      await this.#reread();
      await this.#prepareFallbacks({ signal });
    }
    await this.#linked;
  }

  /** An address of this node that the pod reaches without leaving its own bridge. */
  #addressFor(
    { spec }: Pod,
    runtime: RuntimeName,
    network: InstanceNetwork | undefined,
  ): string | undefined {
    const { addressesOf } = this.#options;
    if (network !== undefined) {
      const { bridge, uplink, gateway } = network;
      // A bridge that ends here gets its gateway's address when its first instance starts.
      return addressesOf(bridge)[0] ?? (uplink === undefined ? gateway : undefined);
    }
    if (runtime === 'libvirt') return undefined;
    if (runtime === 'systemd' && spec.hostNetwork !== true) return privateGateway;
    return addressesOf(dockerBridge)[0];
  }

  /** Once for each bridge. */
  #noteUnreached({ bridge, pool }: InstanceNetwork): void {
    if (this.#unreached.has(bridge)) return;
    this.#unreached.add(bridge);
    const remedy = `give this node an address on ${bridge}`;
    this.#options.log.warn({ bridge, pool, remedy }, 'no names and no DHCP on a bridge without us');
  }

  /** The gateway of a network by CNI, where it is this node. */
  #gatewayHere({ addresses, hostInterfaces }: CniAttachment): string | undefined {
    const own = hostInterfaces.flatMap((name) => this.#options.addressesOf(name));
    return addresses.flatMap(({ gateway }) => gateway ?? []).find((each) => own.includes(each));
  }

  #listen(address: string, segment: readonly string[]): boolean {
    this.#listening.set(address, segment);
    this.#tellPlaces();
    return this.#keeper.stateOf(address) !== 'refused';
  }

  #tellPlaces(): void {
    this.#keeper.setPlaces(
      [...this.#listening.keys()].map((address): ServedPlace => {
        return { address, upstream: this.#upstreamOf(address) };
      }),
    );
  }

  #upstreamOf(address: string): readonly string[] {
    const all = [...(this.#listening.get(address) ?? []), ...this.#conf.servers];
    return all.filter((each) => !this.#listening.has(each));
  }

  /** For when the keeper is killed, and nobody is there to start it again. */
  async #prepareFallbacks(options: CallOptions): Promise<void> {
    const { fallBackTo, log } = this.#options;
    for (const address of this.#listening.keys()) {
      if (this.#keeper.stateOf(address) !== 'serving') continue;
      const [server] = withoutLoopback(this.#upstreamOf(address)).filter(isIpv4);
      if (server === undefined || this.#fallbacks.get(address) === server) continue;
      this.#fallbacks.set(address, server);
      await fallBackTo(address, server, options).catch((error) => {
        if (!options.signal.aborted) log.warn({ err: error, address }, 'no fallback for names');
      });
    }
  }

  async #reread(): Promise<void> {
    const { readConf, log } = this.#options;
    try {
      this.#conf = parseResolvConf(await readConf());
      this.#tellPlaces();
    } catch (error) {
      log.warn({ err: error }, 'the machine tells no servers of names');
    }
  }
}

function isIpv4(address: string): boolean {
  return !address.includes(':');
}
