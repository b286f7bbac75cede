/** The pools as the cache shows them, with what is free in each. */
import { claimName, overlap, usableRanges } from '../../api/ip-pool.ts';
import type { IPAddress, IPPool } from '../../api/kinds.gen.ts';
import { ipAddresses, ipPools } from '../../api/resources.gen.ts';
import { parseIpv4 } from '../../lib/ipv4.ts';
import type { Informers } from '../kit/informers.ts';
import { FreeAddresses } from './free-addresses.ts';

/** Indexes of claims. */
export const byPool = 'pool';
export const byReservation = 'reservation';

interface Known {
  readonly bridge: string | undefined;
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly addresses: FreeAddresses;
}

export class Pools {
  readonly #informers: Informers;
  readonly #known = new Map<string, Known>();

  /** Follows the claims from now on. */
  constructor(informers: Informers) {
    this.#informers = informers;
    informers.index<IPAddress>(ipAddresses, byPool, ({ spec }) => [spec.pool]);
    informers.index<IPAddress>(ipAddresses, byReservation, ({ spec }) => [spec.reservation.uid]);
    informers.for<IPAddress>(ipAddresses).events.subscribe((event) => {
      switch (event.type) {
        case 'initDone':
          // What went while nobody looked is not told one by one.
          this.#known.clear();
          break;
        case 'apply':
          this.taken(event.object);
          break;
        case 'delete':
          this.notTaken(event.object);
          break;
      }
    });
    informers.for<IPPool>(ipPools).events.subscribe((event) => {
      if (event.type === 'delete') this.#known.delete(event.object.metadata.name ?? '');
    });
  }

  get(name: string): IPPool | undefined {
    return this.#informers.for<IPPool>(ipPools).get(name);
  }

  claimsOn(name: string): readonly IPAddress[] {
    return this.#informers.for<IPAddress>(ipAddresses).byIndex(byPool, name);
  }

  bridgeOf({ spec }: IPAddress): string | undefined {
    return this.get(spec.pool)?.spec.bridge;
  }

  /** Of all pools on a bridge. */
  namesOn(bridge: string | undefined): readonly string[] {
    const all = this.#informers.for<IPPool>(ipPools).list();
    const there = all.filter(({ spec }) => spec.bridge === bridge);
    return there.map(({ metadata }) => metadata.name ?? '');
  }

  /**
   * Changed by `taken` and by what the cache is told. What another pool gave away on the same bridge
   * is not free: its ranges may have been others then.
   */
  addressesOf(pool: IPPool): FreeAddresses {
    const { name = '', uid, generation } = pool.metadata;
    const { bridge } = pool.spec;
    const known = this.#known.get(name);
    if (known !== undefined && known.uid === uid && known.generation === generation) {
      return known.addresses;
    }
    const addresses = new FreeAddresses(usableRanges(pool.spec));
    for (const each of this.namesOn(bridge)) {
      for (const claim of this.claimsOn(each)) addresses.take(addressOf(claim));
    }
    this.#known.set(name, { bridge, uid, generation, addresses });
    return addresses;
  }

  /** Somebody has it, though the cache may not show it yet. */
  taken(claim: IPAddress): void {
    for (const { addresses } of this.#besides(claim)) addresses.take(addressOf(claim));
  }

  notTaken(claim: IPAddress): void {
    const address = addressOf(claim);
    if (this.claimOf(this.bridgeOf(claim), address) !== undefined) return;
    for (const { addresses } of this.#besides(claim)) addresses.release(address);
  }

  /** The claim on an address, whichever pool of the bridge it is of. */
  claimOf(bridge: string | undefined, address: number): IPAddress | undefined {
    const claims = this.#informers.for<IPAddress>(ipAddresses);
    for (const pool of this.namesOn(bridge)) {
      const claim = claims.get(claimName(pool, address));
      if (claim !== undefined) return claim;
    }
    return undefined;
  }

  /** The older pool that gives out addresses of this one on the same segment: two holders would meet. */
  inTheWay(pool: IPPool): IPPool | undefined {
    const others = this.#informers.for<IPPool>(ipPools).list();
    return others.find((other) => isOlder(other, pool) && meet(other, pool));
  }

  /** What is known of the pools on the bridge of that claim. */
  #besides(claim: IPAddress): readonly Known[] {
    const bridge = this.bridgeOf(claim);
    return [...this.#known.values()].filter((each) => each.bridge === bridge);
  }
}

export function addressOf({ spec }: IPAddress): number {
  return parseIpv4(spec.address) ?? 0;
}

function isOlder(a: IPPool, b: IPPool): boolean {
  const key = ({ metadata }: IPPool) => `${metadata.creationTimestamp} ${metadata.name}`;
  return key(a) < key(b);
}

function meet(a: IPPool, b: IPPool): boolean {
  if (a.spec.bridge !== b.spec.bridge) return false;
  const others = usableRanges(b.spec);
  return usableRanges(a.spec).some((range) => others.some((each) => overlap(range, each)));
}
