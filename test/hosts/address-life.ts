/** Instances of all kinds on two hosts that hand a few addresses on, and what must hold at every moment. */
import type { IPReservation, Pod, VM } from '../../api/kinds.gen.ts';
import type { Dice } from '../faults/runs.ts';
import { type Cluster, guestCommandLine, labImage } from './cluster.ts';

export type Hull = 'container' | 'process' | 'machine';

interface Instance {
  readonly name: string;
  readonly hull: Hull;
  readonly host: number;
  stopped: boolean;
}

/** One reservation, and who names it; those that were deleted are not listed. */
interface Slot {
  readonly reservation: string;
  readonly address: string;
  readonly instances: Instance[];
}

type Seen = IPReservation | Pod | VM;

const hosts = [1, 2];
const first = 150;

/** Every address that is up in any network namespace of a host, one a line; guests by their MAC. */
const addressesUp = `
  seen=' '
  for file in /proc/[0-9]*/ns/net /run/netns/* /run/docker/netns/* /run/berth/network/*; do
    inode=$(stat -Lc %d:%i "$file" 2>/dev/null) || continue
    case "$seen" in *" $inode "*) continue;; esac
    seen="$seen$inode "
    nsenter --net="$file" ip -4 -o address 2>/dev/null | awk '{ split($4, part, "/"); print part[1] }'
  done
  for pid in $(pgrep -f ^/usr/bin/qemu); do
    tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep -o '02:be:..:..:..:..' | sort -u
  done`;

export class AddressLife {
  readonly #cluster: Cluster;
  readonly #dice: Dice;
  readonly #hulls: readonly Hull[];
  readonly #slots: readonly Slot[];
  readonly #without = new Set<number>();
  #made = 0;

  constructor(cluster: Cluster, dice: Dice, hulls: readonly Hull[], slots = 4) {
    this.#cluster = cluster;
    this.#dice = dice;
    this.#hulls = hulls;
    this.#slots = Array.from({ length: slots }, (_, index) => ({
      reservation: `keep-${index}`,
      address: `10.99.0.${first + index}`,
      instances: [],
    }));
  }

  async start(): Promise<void> {
    const last = first + this.#slots.length - 1;
    const ranges = [{ first: `10.99.0.${first}`, last: `10.99.0.${last}` }];
    const spec = { cidr: '10.99.0.0/24', ranges, gateway: '10.99.0.1', bridge: 'br0' };
    await this.#cluster.apply(
      { apiVersion: 'berth.dev/v1', kind: 'IPPool', metadata: { name: 'lan' }, spec },
      ...this.#slots.map(({ reservation, address }) => ({
        apiVersion: 'berth.dev/v1',
        kind: 'IPReservation',
        metadata: { name: reservation },
        spec: { pool: 'lan', address },
      })),
    );
  }

  /** Does one thing that may happen, and says what. */
  async step(): Promise<string> {
    const slot = this.#dice.pick(this.#slots);
    const one = slot.instances.length === 0 ? undefined : this.#dice.pick(slot.instances);
    const host = this.#dice.pick(hosts);
    if (one === undefined) return await this.#make(slot);
    const fault = this.#dice.weighted<(() => Promise<string>) | undefined>([
      [2, () => this.#stop(one)],
      [2, () => this.#start(one)],
      [2, () => this.#remove(slot, one)],
      [3, () => this.#move(slot, one)],
      [1, () => this.#make(slot)],
      [1, () => this.#killAgent(host)],
      [1, () => this.#restartDocker(host)],
      [0.3, () => this.#cutPower()],
    ]);
    return (await fault?.()) ?? '';
  }

  /** At no moment does an address stand in two places. */
  async check(): Promise<void> {
    const up = await this.#up();
    for (const { address, reservation } of this.#slots) {
      const places = up.filter((each) => each.address === address);
      if (places.length > 1) throw new Error(`${reservation} is up on ${JSON.stringify(places)}`);
    }
  }

  /** Everything that was killed is back; waits until all is as it should be. */
  async settle(): Promise<void> {
    for (const host of [...this.#without]) await this.#revive(host);
    for (const slot of this.#slots) {
      let why: string | undefined = 'nobody has looked';
      const look = async () => {
        why = await this.#unsettled(slot);
        return why === undefined;
      };
      await this.#cluster.until(`${slot.reservation} is settled`, look).catch((error) => {
        throw new Error(`${why}: ${error}`, { cause: error });
      });
    }
    await this.check();
  }

  /** What is not as it should be; undefined when all is. */
  async #unsettled({ reservation, address, instances }: Slot): Promise<string | undefined> {
    const all = await this.#all();
    const own = all.find((each) => each.kind === 'IPReservation' && nameOf(each) === reservation);
    const { status } = own as IPReservation; // As found.
    if (status?.address !== address) return `${reservation} has ${status?.address}`;
    const there = all.filter((each) => namesIt(each, reservation)).map(nameOf);
    const wanted = instances.map(({ name }) => name);
    if (there.sort().join() !== wanted.sort().join()) return `${there} are there, not ${wanted}`;
    const up = (await this.#up()).filter((each) => each.address === address);
    const holder = instances.find(({ name }) => name === status.holder?.name);
    if (holder === undefined) {
      if (instances.length > 0) return `${reservation} is held by ${status.holder?.name}`;
      return up.length === 0 ? undefined : `${reservation} is up without a holder`;
    }
    const ready = all.filter((each) => namesIt(each, reservation) && isReady(each)).map(nameOf);
    if (holder.stopped) {
      return up.length + ready.length === 0
        ? undefined
        : `${reservation} is up while it is stopped`;
    }
    if (ready.join() !== holder.name) return `${ready} are ready, not ${holder.name}`;
    if (up.map(({ host }) => host).join() !== String(holder.host)) return `${address} is not there`;
    for (const host of hosts) {
      const { code } = await this.#cluster.lab.exec(host, [
        'busybox',
        'ping',
        '-c1',
        '-W1',
        address,
      ]);
      if (code !== 0) return `h${host} does not reach ${address}`;
    }
    return undefined;
  }

  async #make(slot: Slot, unlike?: Instance): Promise<string> {
    const hull = this.#dice.pick(this.#hulls.filter((each) => each !== unlike?.hull));
    const host = unlike === undefined ? this.#dice.pick(hosts) : 3 - unlike.host;
    this.#made += 1;
    const one: Instance = { name: `one-${this.#made}`, hull, host, stopped: false };
    slot.instances.push(one);
    await this.#cluster.apply(manifest(one, slot));
    return `${hull} ${one.name} on h${host} for ${slot.reservation}`;
  }

  async #move(slot: Slot, one: Instance): Promise<string> {
    return `${await this.#remove(slot, one)}, then ${await this.#make(slot, one)}`;
  }

  async #remove(slot: Slot, one: Instance): Promise<string> {
    slot.instances.splice(slot.instances.indexOf(one), 1);
    await this.#cluster.kubectl('delete', pathOf(one), '--grace-period=1', '--wait=false');
    return `${one.name} deleted`;
  }

  async #stop(one: Instance): Promise<string> {
    one.stopped = true;
    await this.#setRunning(one);
    return `${one.name} stopped`;
  }

  async #start(one: Instance): Promise<string> {
    one.stopped = false;
    await this.#setRunning(one);
    return `${one.name} started`;
  }

  async #setRunning(one: Instance): Promise<void> {
    const running = !one.stopped;
    const annotations = { 'berth.dev/running': String(running) };
    const patch = one.hull === 'machine' ? { spec: { running } } : { metadata: { annotations } };
    const words = ['--type=merge', '-p', JSON.stringify(patch)];
    await this.#cluster.kubectl('patch', pathOf(one), ...words);
  }

  /** On the first host the server goes with it, so it is back at once. */
  async #killAgent(host: number): Promise<string> {
    if (this.#without.has(host)) return await this.#revive(host);
    await this.#cluster.killBerth(host);
    this.#without.add(host);
    return host === 1 ? `h1 killed, ${await this.#revive(1)}` : `agent of h${host} killed`;
  }

  async #revive(host: number): Promise<string> {
    await this.#cluster.reviveBerth(host);
    this.#without.delete(host);
    return `Berth is back on h${host}`;
  }

  async #restartDocker(host: number): Promise<string> {
    await this.#cluster.sh(host, 'systemctl restart docker');
    return `dockerd of h${host} restarted`;
  }

  async #cutPower(): Promise<string> {
    await this.#cluster.lab.crash(2);
    await this.#cluster.lab.boot(2);
    this.#without.add(2);
    return 'power of h2 cut';
  }

  async #up(): Promise<readonly { readonly address: string; readonly host: number }[]> {
    const lists = await Promise.all(
      hosts.map(async (host) => {
        const said = await this.#cluster.sh(host, addressesUp);
        return said.split('\n').map((word) => ({ address: addressOf(word.trim()), host }));
      }),
    );
    return lists.flat();
  }

  async #all(): Promise<readonly Seen[]> {
    const json = await this.#cluster.kubectl('get', 'ipr,pods,vms', '-o', 'json');
    return (JSON.parse(json) as { readonly items: readonly Seen[] }).items; // As kubectl prints them.
  }
}

/** A MAC of a pool is made of the address. */
function addressOf(word: string): string {
  if (!word.startsWith('02:be:')) return word;
  const bytes = word.split(':').slice(2);
  return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
}

function pathOf({ hull, name }: Instance): string {
  return `${hull === 'machine' ? 'vm' : 'pod'}/${name}`;
}

function nameOf({ metadata }: Seen): string {
  return metadata.name ?? '';
}

function namesIt(each: Seen, reservation: string): boolean {
  if (each.kind === 'IPReservation') return false;
  if (each.metadata.annotations?.['berth.dev/ip-reservation'] === reservation) return true;
  const { interfaces = [] } = each.spec as VM['spec']; // A pod has none.
  return interfaces.some((nic) => nic.reservation === reservation);
}

function isReady({ status }: Seen): boolean {
  const { conditions = [] } = status ?? {};
  return conditions.some(({ type, status: met }) => type === 'Ready' && met === 'True');
}

function manifest({ name, hull, host }: Instance, { reservation, address }: Slot): object {
  const nodeName = `h${host}`;
  if (hull === 'machine') {
    const files = { kernel: '/lab/vmlinuz', initrd: '/lab/initrd.gz' };
    const spec = {
      nodeName,
      resources: { requests: { cpu: '500m', memory: '160Mi' } },
      boot: { ...files, commandLine: guestCommandLine(address, name) },
      interfaces: [{ reservation }],
      terminationGracePeriodSeconds: 1,
      graphics: false,
    };
    return { apiVersion: 'berth.dev/v1', kind: 'VM', metadata: { name }, spec };
  }
  const script = "trap 'exit' TERM; while :; do sleep 1; done";
  const main =
    hull === 'container'
      ? { image: labImage, imagePullPolicy: 'Never', command: ['sh', '-c', script] }
      : { command: ['busybox', 'sh', '-c', script] };
  const annotations = { 'berth.dev/ip-reservation': reservation };
  const spec = {
    nodeName,
    terminationGracePeriodSeconds: 1,
    ...(hull === 'process' ? { runtimeClassName: 'systemd' } : {}),
    containers: [{ name: 'main', ...main }],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations }, spec };
}
