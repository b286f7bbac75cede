/** Which instances have to wait for an address, and which nodes reach the pools of those that have one. */
import type { IPPool, IPReservation, Pod } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { instanceReservations, whyNotYet } from '../../api/reservation-refs.ts';
import { ipPools, ipReservations } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type ListWatchInformer } from '../../client/list-watch-informer.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { PoolReach } from '../engine/request.ts';

export interface AddressesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export type Reach =
  | { readonly type: 'waiting'; readonly why: string }
  /** Empty for an instance without, or where every node reaches the pools. */
  | { readonly type: 'ready'; readonly pools: readonly PoolReach[] };

const anywhere: Reach = { type: 'ready', pools: [] };

export class Addresses {
  readonly reservations: ListWatchInformer<IPReservation>;
  readonly pools: ListWatchInformer<IPPool>;
  /** By key of the reservation: who was told to wait for it. */
  readonly #waiting = new Map<string, Set<string>>();

  constructor({ client, ...options }: AddressesOptions) {
    this.reservations = createInformer<IPReservation>(client, ipReservations, options);
    this.pools = createInformer<IPPool>(client, ipPools, options);
  }

  /** For what is only to be told. */
  reachOf(pod: Pod): Reach {
    const pools: PoolReach[] = [];
    for (const ref of instanceReservations(pod)) {
      const reservation = this.reservations.get(`${pod.metadata.namespace ?? ''}/${ref.name}`);
      const why = whyNotYet(ref, reservation, pod.metadata.uid ?? '');
      if (why !== undefined) return { type: 'waiting', why };
      const name = reservation?.spec.pool ?? '';
      const pool = this.pools.get(name);
      if (pool === undefined) return { type: 'waiting', why: `ippool "${name}" is not there` };
      pools.push(...reachTo(pool));
    }
    return pools.length === 0 ? anywhere : { type: 'ready', pools };
  }

  /** The same, and who has to wait is named by `waitersOf` later. */
  await(pod: Pod): Reach {
    const reach = this.reachOf(pod);
    if (reach.type === 'ready') return reach;
    const { namespace = '', uid = '' } = pod.metadata;
    for (const { name } of instanceReservations(pod)) {
      const key = `${namespace}/${name}`;
      const waiting = this.#waiting.get(key) ?? new Set();
      waiting.add(uid);
      this.#waiting.set(key, waiting);
    }
    return reach;
  }

  /** It waits no more: it has a node, or is gone. */
  forget(pod: Pod): void {
    const { namespace = '', uid = '' } = pod.metadata;
    for (const { name } of instanceReservations(pod)) {
      const key = `${namespace}/${name}`;
      const waiting = this.#waiting.get(key);
      waiting?.delete(uid);
      if (waiting?.size === 0) this.#waiting.delete(key);
    }
  }

  /** Uids of who waits for this reservation, each named once. */
  waitersOf(reservation: IPReservation): Iterable<string> {
    const key = keyOf(reservation);
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    return waiting;
  }
}

/** Empty where every node reaches it. */
export function reachTo(pool: IPPool | undefined): readonly PoolReach[] {
  const nodeSelector = Object.entries(pool?.spec.nodeSelector ?? {}).sort();
  return nodeSelector.length === 0 ? [] : [{ name: pool?.metadata.name ?? '', nodeSelector }];
}
