/** Gives every IPReservation its address, and its address to one instance at a time. */
import type { IPAddress, IPReservation, Pod, VM } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { machineReservations, podReservations } from '../../api/reservation-refs.ts';
import { ipAddresses, ipPools, ipReservations, pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import { formatIpv4, macOfIpv4 } from '../../lib/ipv4.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
  type StatusCondition,
} from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { OwnWrites } from '../kit/own-writes.ts';
import { type Claimed, type ClaimMemory, claimAddress, claimsOf, releaseClaims } from './claim.ts';
import { findHolder, indexInstances, presentHolder, reservationKeys } from './holder.ts';
import type { Pools } from './pools.ts';

/** Indexes of reservations: the pool they wait for; the uid of their holder. */
const byWait = 'waits-for';
const byHolder = 'holder';

/** Its holder's going wakes it; this is for what nobody hears. */
const heldRetryMs = 30_000;

export function reservationController({
  informers,
  clock,
  pools,
}: {
  readonly informers: Informers;
  readonly clock: Clock;
  readonly pools: Pools;
}): Controller<IPReservation> {
  indexInstances(informers);
  informers.index<IPReservation>(ipReservations, byWait, ({ spec, status }) =>
    status?.address === undefined ? [spec.pool] : [],
  );
  informers.index<IPReservation>(ipReservations, byHolder, ({ status }) =>
    status?.holder?.uid === undefined ? [] : [status.holder.uid],
  );
  const reservations = informers.for<IPReservation>(ipReservations);
  const claims = informers.for<IPAddress>(ipAddresses);
  const memory = { pools, writes: new OwnWrites<IPAddress>(claims, clock) };
  const waitingFor = (pool: string) => reservations.byIndex(byWait, pool).map(keyOf);
  const heldBy = ({ metadata }: KubeObject) =>
    reservations.byIndex(byHolder, metadata.uid ?? '').map(keyOf);
  return defineController<IPReservation>({
    name: 'ip-reservation-controller',
    finalizerName: 'berth.dev/ip-address',
    for: ipReservations,
    watches: [
      {
        resource: ipPools,
        // A pool that is made, changed or goes may make room in another as well.
        keys: () => reservations.list().filter(isWaiting).map(keyOf),
        matters: (object, old) => object.metadata.generation !== old.metadata.generation,
      },
      {
        resource: ipAddresses,
        keys: (object) => {
          const claim = object as IPAddress; // As watched.
          const { spec } = claim;
          const own = `${spec.reservation.namespace}/${spec.reservation.name}`;
          const isGone = claims.get(keyOf(object)) === undefined;
          if (!isGone) return [own];
          return [own, ...pools.namesOn(pools.bridgeOf(claim)).flatMap(waitingFor)];
        },
      },
      {
        resource: pods,
        keys: (object) => reservationKeys(object, podReservations(object as Pod)), // As watched.
        matters: (object, old) => stateOf(object) !== stateOf(old),
      },
      {
        resource: vms,
        keys: (object) => [
          ...reservationKeys(object, machineReservations(object as VM)), // As watched.
          ...heldBy(object),
        ],
      },
    ],
    reconcile: (_key, ctx) => reconcile(ctx, memory),
    finalize: (_key, ctx) => release(ctx, memory),
  });
}

async function reconcile(ctx: Reconcile<IPReservation>, memory: ClaimMemory): Promise<Outcome> {
  const before = ctx.object.status;
  const { holder, isLeft } = await findHolder(ctx);
  if (isLeft && ctx.object.spec.releasePolicy === 'WithHolder') {
    await remove(ctx);
    return undefined;
  }
  const claimed = await claimAddress(ctx, memory);
  const has = claimed.type === 'claimed';
  const address = has ? formatIpv4(claimed.address) : undefined;
  const same = holder?.node === before?.holder?.node && holder?.uid === before?.holder?.uid;
  const fields = {
    address,
    mac: has ? macOfIpv4(claimed.address) : undefined,
    // A merge keeps what it is not told of.
    ...(same ? {} : { holder: holder && { node: null, ...holder } }),
  };
  const exact = address !== before?.address || holder?.uid !== before?.holder?.uid;
  await ctx.setStatus(fields, [ready(claimed)], { exact });
  if (has && before?.address === undefined) {
    ctx.event(
      'Normal',
      'AddressAllocated',
      `Has address ${address} of pool ${ctx.object.spec.pool}`,
    );
  }
  return undefined;
}

function ready(claimed: Claimed): StatusCondition {
  const type = 'Ready';
  if (claimed.type === 'refused') {
    return { type, status: 'False', reason: claimed.reason, message: claimed.message };
  }
  return { type, status: 'True', reason: 'AddressAllocated', message: '' };
}

/** Its policy is to go with its holder. */
async function remove({ client, object, log, signal }: Reconcile<IPReservation>): Promise<void> {
  const { namespace = '', name = '', uid = '' } = object.metadata;
  try {
    await client.delete(ipReservations, { namespace, name }, { preconditions: { uid }, signal });
    log.info({}, 'reservation goes with its holder');
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
}

/** The address is free only when nobody uses it any more. */
async function release(ctx: Reconcile<IPReservation>, memory: ClaimMemory): Promise<Outcome> {
  const holder = await presentHolder(ctx);
  if (holder !== undefined) {
    const message = `is being deleted, and goes when ${holder.kind} "${holder.metadata.name}" is gone`;
    await ctx.setStatus({}, [{ type: 'Ready', status: 'False', reason: 'InUse', message }]);
    return { requeueAfterMs: heldRetryMs };
  }
  await releaseClaims(ctx, claimsOf(ctx, memory), memory.writes);
  return undefined;
}

function isWaiting({ status }: IPReservation): boolean {
  return status?.address === undefined;
}

/** What of a pod a holder is told by. */
function stateOf(object: KubeObject): string {
  const { metadata, spec, status } = object as Pod; // As watched.
  return `${metadata.deletionTimestamp} ${spec.nodeName} ${status?.phase}`;
}
