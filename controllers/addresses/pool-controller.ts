/** Counts what an IPPool gives out, says what is odd about it, and keeps it until its addresses are back. */
import type { IPAddress, IPPool } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { ipAddresses, ipPools } from '../../api/resources.gen.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
  type StatusCondition,
} from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { addressOf, type Pools } from './pools.ts';

/** A status is written at most so often: many addresses are claimed at once. */
const countEveryMs = 500;

/** Claims that go wake it; this is for what nobody hears. */
const heldRetryMs = 30_000;

/** Addresses that a message names. */
const namedMax = 3;

export function poolController({
  informers,
  pools,
}: {
  readonly informers: Informers;
  readonly pools: Pools;
}): Controller<IPPool> {
  const cache = informers.for<IPPool>(ipPools);
  /** By uid, one for each pool that there is. */
  const countedAtMs = new Map<string, number>();
  return defineController<IPPool>({
    name: 'ip-pool-controller',
    finalizerName: 'berth.dev/ip-pool',
    for: ipPools,
    watches: [
      { resource: ipAddresses, keys: (object) => [(object as IPAddress).spec.pool] }, // As watched.
      {
        // They may be in each other's way.
        resource: ipPools,
        keys: () => cache.list().map(keyOf),
        matters: (object, old) => object.metadata.generation !== old.metadata.generation,
      },
    ],
    async reconcile(_key, ctx) {
      const { uid = '' } = ctx.object.metadata;
      const nowMs = ctx.clock.now();
      const dueAtMs = (countedAtMs.get(uid) ?? 0) + countEveryMs;
      if (dueAtMs > nowMs) return { requeueAfterMs: dueAtMs - nowMs };
      countedAtMs.set(uid, nowMs);
      await count(ctx, pools);
      return undefined;
    },
    async finalize(_key, ctx) {
      const outcome = await emptied(ctx, pools);
      if (outcome === undefined) countedAtMs.delete(ctx.object.metadata.uid ?? '');
      return outcome;
    },
  });
}

async function count(ctx: Reconcile<IPPool>, pools: Pools): Promise<void> {
  const pool = ctx.object;
  const addresses = pools.addressesOf(pool);
  const claims = pools.claimsOn(pool.metadata.name ?? '');
  const outside = claims.filter((claim) => !addresses.has(addressOf(claim)));
  await ctx.setStatus(
    { capacity: addresses.capacity, allocated: claims.length, free: addresses.free },
    [ready(pool, pools, addresses.capacity), outsideRanges(outside)],
  );
}

function ready(pool: IPPool, pools: Pools, capacity: number): StatusCondition {
  const type = 'Ready';
  const other = pools.inTheWay(pool)?.metadata.name;
  if (other !== undefined) {
    const message = `has addresses of ippool "${other}" on the same bridge, and gives out none: change its ranges`;
    return { type, status: 'False', reason: 'Overlaps', message };
  }
  if (capacity > 0) return { type, status: 'True', reason: 'HasAddresses', message: '' };
  const message = 'its ranges, without what is excluded, hold no address';
  return { type, status: 'False', reason: 'Empty', message };
}

/** Nothing is taken away from who has it. */
function outsideRanges(outside: readonly IPAddress[]): StatusCondition {
  const type = 'OutsideRanges';
  if (outside.length === 0) return { type, remove: true };
  const message = `${outside.length} addresses that reservations have are in no range any more: ${named(outside)}`;
  return { type, status: 'True', reason: 'AddressesHeld', message };
}

async function emptied(ctx: Reconcile<IPPool>, pools: Pools): Promise<Outcome> {
  const claims = pools.claimsOn(ctx.object.metadata.name ?? '');
  if (claims.length === 0) return undefined;
  const message = `is being deleted, and goes when its ${claims.length} addresses are released: ${named(claims)}`;
  await ctx.setStatus({ allocated: claims.length }, [
    { type: 'Ready', status: 'False', reason: 'InUse', message },
  ]);
  return { requeueAfterMs: heldRetryMs };
}

function named(claims: readonly IPAddress[]): string {
  const first = claims.slice(0, namedMax).map(({ spec }) => {
    return `${spec.address} (${spec.reservation.namespace}/${spec.reservation.name})`;
  });
  return `${first.join(', ')}${claims.length > namedMax ? ' …' : ''}`;
}
