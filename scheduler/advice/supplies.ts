/** What instances need besides room on a node: Volumes and addresses, those of a manifest among them. Pure. */
import { countOf, usableRanges } from '../../api/ip-pool.ts';
import type {
  IPPool,
  IPReservation,
  Pod,
  Volume,
  VolumeSnapshot,
  Workload,
} from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { instanceReservations, type ReservationRef } from '../../api/reservation-refs.ts';
import { isPlaced, volumeName } from '../../api/volume.ts';
import { reachTo } from '../controller/addresses.ts';
import type { Ties } from '../engine/pod-request.ts';
import type { PoolReach } from '../engine/request.ts';
import { type Holder, volumeClaims } from '../engine/volume-claims.ts';

/** What is there. */
export interface Stock {
  /** By name. */
  pool(name: string): IPPool | undefined;
  /** By `namespace/name`, as the next. */
  reservation(key: string): IPReservation | undefined;
  volume(key: string): Volume | undefined;
  snapshot(key: string): VolumeSnapshot | undefined;
}

/** What a manifest brings along. */
export interface Additions {
  readonly volumes: readonly Volume[];
  readonly pools: readonly IPPool[];
  readonly reservations: readonly IPReservation[];
}

const noAdditions: Additions = { volumes: [], pools: [], reservations: [] };

export type Needs =
  /** It would be kept waiting, wherever there is room. */
  | { readonly type: 'waits'; readonly message: string }
  | {
      readonly type: 'needs';
      readonly ties: Ties;
      /** Pools by name, once for each address that it does not have yet. */
      readonly addresses: readonly string[];
      /** Whether it names a Volume or reservation that a second instance could not have, too. */
      readonly isOnly: boolean;
    };

export interface Supply {
  readonly ties: Ties;
  /** Absent: for any number. */
  readonly most?: number;
  readonly why?: string;
}

export class Supplies {
  readonly #stock: Stock;
  readonly #pools: ReadonlyMap<string, IPPool>;
  readonly #reservations: ReadonlyMap<string, IPReservation>;
  readonly #volumes: ReadonlyMap<string, Volume>;
  /** Who was given a Volume or reservation, by its kind and key. */
  readonly #holders = new Map<string, Holder>();
  /** By pool, how many addresses were taken. */
  readonly #taken = new Map<string, number>();

  constructor(stock: Stock, { pools, reservations, volumes }: Additions = noAdditions) {
    this.#stock = stock;
    this.#pools = new Map(pools.map((pool) => [pool.metadata.name ?? '', pool]));
    this.#reservations = new Map(reservations.map((each) => [keyOf(each), each]));
    this.#volumes = new Map(volumes.map((volume) => [keyOf(volume), volume]));
  }

  /** Of an instance as it would be made. */
  needsOf(pod: Pod, workload: Workload | undefined): Needs {
    const { namespace = '' } = pod.metadata;
    const own = templatesOf(pod, workload);
    const find = (name: string) =>
      this.#volume(`${namespace}/${name}`) ?? own.find((each) => each.metadata.name === name);
    // Who holds one now is about to go, or this would not be asked: only the others of the plan count.
    const holderOf = (volume: Volume) => this.#holders.get(`volume ${keyOf(volume)}`);
    const snapshot = (name: string) => this.#stock.snapshot(`${namespace}/${name}`);
    const claims = volumeClaims(pod, { find, snapshot, holderOf });
    if (claims?.type === 'wait') return { type: 'waits', message: claims.message };
    const addresses = this.#addressesOf(pod, workload);
    if (typeof addresses === 'string') return { type: 'waits', message: addresses };
    const named = claims?.volumes.some((volume) => !own.includes(volume)) ?? false;
    return {
      type: 'needs',
      ties: { pools: addresses.reach, ...(claims && { claims }) },
      addresses: addresses.lacking,
      isOnly: named || addresses.isNamed,
    };
  }

  /** For how many equal instances there is enough, and what ties them. */
  supplyOf(pod: Pod, workload: Workload | undefined): Supply {
    const needs = this.needsOf(pod, workload);
    if (needs.type === 'waits') return { ties: {}, most: 0, why: needs.message };
    const { ties, addresses, isOnly } = needs;
    if (isOnly) {
      return { ties, most: 1, why: 'one at a time uses the volume or reservation that it names' };
    }
    let scarce: Omit<Supply, 'ties'> = {};
    for (const pool of new Set(addresses)) {
      const free = this.freeIn(pool);
      const most = Math.floor(free / addresses.filter((each) => each === pool).length);
      if (most >= (scarce.most ?? Number.POSITIVE_INFINITY)) continue;
      scarce = { most, why: `ippool "${pool}" has ${free} free addresses` };
    }
    return { ties, ...scarce };
  }

  /** The instance is to have them. Why it cannot, as long as nobody gives one back. */
  take(pod: Pod, addresses: readonly string[]): string | undefined {
    const wanted = new Map<string, number>();
    for (const pool of addresses) wanted.set(pool, (wanted.get(pool) ?? 0) + 1);
    for (const [pool, count] of wanted) {
      const free = this.freeIn(pool);
      if (free < count) return `ippool "${pool}" has ${free} free addresses, ${count} needed`;
    }
    for (const [pool, count] of wanted) this.#taken.set(pool, (this.#taken.get(pool) ?? 0) + count);
    const { namespace = '', name = '', uid = '' } = pod.metadata;
    const holder = { kind: pod.kind, name, uid };
    for (const ref of instanceReservations(pod))
      this.#holders.set(`reservation ${namespace}/${ref.name}`, holder);
    for (const { persistentVolumeClaim } of pod.spec.volumes ?? []) {
      const { claimName } = persistentVolumeClaim ?? {};
      if (claimName !== undefined) this.#holders.set(`volume ${namespace}/${claimName}`, holder);
    }
    return undefined;
  }

  /** Addresses of a pool that nobody has, here or in the plan. */
  freeIn(name: string): number {
    const pool = this.#pool(name);
    if (pool === undefined) return 0;
    const free = pool.status?.free ?? countOf(usableRanges(pool.spec));
    return Math.max(0, free - (this.#taken.get(name) ?? 0));
  }

  /** Or why it would wait. */
  #addressesOf(pod: Pod, workload: Workload | undefined): Addressing | string {
    const { namespace = '' } = pod.metadata;
    const reach: PoolReach[] = [];
    const lacking: string[] = [];
    const refs: readonly ReservationRef[] = instanceReservations(pod);
    for (const ref of refs) {
      const key = `${namespace}/${ref.name}`;
      const holder = this.#holders.get(`reservation ${key}`);
      if (holder !== undefined)
        return `ipreservation "${ref.name}" is held by ${holder.kind} "${holder.name}"`;
      const reservation = this.#stock.reservation(key) ?? this.#reservations.get(key);
      const made = ref.pool ?? workload?.spec.addresses?.pool;
      const name = reservation?.spec.pool ?? made;
      if (name === undefined) return `ipreservation "${ref.name}" is not there`;
      const pool = this.#pool(name);
      if (pool === undefined) return `ippool "${name}" is not there`;
      reach.push(...reachTo(pool));
      if (reservation?.status?.address === undefined) lacking.push(name);
    }
    const isNamed = workload?.spec.addresses === undefined && refs.some(({ isMade }) => !isMade);
    return { reach, lacking, isNamed };
  }

  #pool(name: string): IPPool | undefined {
    return this.#stock.pool(name) ?? this.#pools.get(name);
  }

  /** What has its place is taken as it is, not as the manifest says. */
  #volume(key: string): Volume | undefined {
    const there = this.#stock.volume(key);
    if (there !== undefined && isPlaced(there)) return there;
    return this.#volumes.get(key) ?? there;
  }
}

interface Addressing {
  readonly reach: readonly PoolReach[];
  readonly lacking: readonly string[];
  /** Somebody chose the reservation, so that nobody else can have it. */
  readonly isNamed: boolean;
}

/** The Volumes that its workload would make for it. */
function templatesOf(pod: Pod, workload: Workload | undefined): readonly Volume[] {
  const { namespace = '', name = '' } = pod.metadata;
  return (workload?.spec.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata: { namespace, name: volumeName(template.metadata.name, name) },
    spec: template.spec,
  }));
}
