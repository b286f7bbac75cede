/**
 * Gets a reservation its address. The claim is an IPAddress, named by pool and address: that it can be
 * created once is all that keeps two reservations apart, whoever else allocates at the same time.
 */
import { claimName } from '../../api/ip-pool.ts';
import type { IPAddress, IPPool, IPReservation } from '../../api/kinds.gen.ts';
import { ipAddresses } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { formatIpv4, parseIpv4 } from '../../lib/ipv4.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { byReservation, type Pools } from './pools.ts';

/** The claim, or why there is none; each reason is a word for the condition. */
export type Claimed =
  | { readonly type: 'claimed'; readonly address: number }
  | { readonly type: 'refused'; readonly reason: string; readonly message: string };

export interface ClaimMemory {
  readonly pools: Pools;
  readonly writes: OwnWrites<IPAddress>;
}

/** Addresses tried in one pass that others took meanwhile; then the key waits its turn again. */
const attemptsMax = 64;

export async function claimAddress(
  ctx: Reconcile<IPReservation>,
  memory: ClaimMemory,
): Promise<Claimed> {
  const { spec, status } = ctx.object;
  const held = status?.address === undefined ? undefined : parseIpv4(status.address);
  if (held !== undefined) return await keep(ctx, memory, held);
  // A pass before this one may have claimed, and not come to say so.
  const [own] = claimsOf(ctx, memory);
  const ownAddress = own === undefined ? undefined : parseIpv4(own.spec.address);
  if (ownAddress !== undefined) return { type: 'claimed', address: ownAddress };
  const pool = memory.pools.get(spec.pool);
  const refusal = refusalOf(memory.pools, pool, spec.pool);
  if (pool === undefined || refusal !== undefined) {
    return { type: 'refused', ...(refusal ?? notThere(spec.pool)) };
  }
  const wanted = spec.address === undefined ? undefined : parseIpv4(spec.address);
  return wanted === undefined
    ? await claimAny(ctx, memory, pool)
    : await claimWanted(ctx, memory, pool, wanted);
}

/** What this reservation has claimed, as the cache will show it. */
export function claimsOf(
  { object, informers }: Reconcile<IPReservation>,
  { writes }: ClaimMemory,
): readonly IPAddress[] {
  const { uid = '' } = object.metadata;
  const cached = informers.for<IPAddress>(ipAddresses).byIndex(byReservation, uid);
  return writes
    .over(cached, ({ spec, metadata }) => {
      return spec.reservation.uid === uid && metadata.deletionTimestamp === undefined;
    })
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
}

/** Gives up claims; resolves also when they are gone. */
export async function releaseClaims(
  { client, signal, log }: Pick<Reconcile<IPReservation>, 'client' | 'signal' | 'log'>,
  claims: readonly IPAddress[],
  writes?: OwnWrites<IPAddress>,
): Promise<void> {
  for (const claim of claims) {
    const { name = '', uid = '' } = claim.metadata;
    try {
      await client.delete(ipAddresses, { name }, { preconditions: { uid }, signal });
      log.info({ address: claim.spec.address, pool: claim.spec.pool }, 'address released');
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error; // Gone, or another's by now.
    }
    writes?.deleted(claim);
  }
}

/** The address that it has is its own for good; what else it claimed on the way there is let go. */
async function keep(
  ctx: Reconcile<IPReservation>,
  memory: ClaimMemory,
  address: number,
): Promise<Claimed> {
  const name = claimName(ctx.object.spec.pool, address);
  const claims = claimsOf(ctx, memory);
  const others = claims.filter(({ metadata }) => metadata.name !== name);
  if (others.length > 0) await releaseClaims(ctx, others, memory.writes);
  if (others.length < claims.length) return { type: 'claimed', address };
  // Somebody deleted the claim, or the cache is behind.
  const other = await create(ctx, memory, address);
  if (other === undefined) return { type: 'claimed', address };
  const message = `the claim on ${formatIpv4(address)} was deleted, and ${ownerOf(other)} has it now`;
  return { type: 'refused', reason: 'AddressLost', message };
}

function refusalOf(
  pools: Pools,
  pool: IPPool | undefined,
  name: string,
): { readonly reason: string; readonly message: string } | undefined {
  if (pool === undefined) return notThere(name);
  if (pool.metadata.deletionTimestamp !== undefined) {
    return { reason: 'PoolDeleting', message: `ippool "${name}" is being deleted` };
  }
  const other = pools.inTheWay(pool)?.metadata.name;
  if (other === undefined) return undefined;
  const message = `ippool "${name}" has addresses of "${other}" on the same bridge`;
  return { reason: 'PoolOverlaps', message };
}

function notThere(name: string) {
  return { reason: 'PoolNotFound', message: `ippool "${name}" is not there` };
}

async function claimWanted(
  ctx: Reconcile<IPReservation>,
  memory: ClaimMemory,
  pool: IPPool,
  address: number,
): Promise<Claimed> {
  const text = formatIpv4(address);
  if (!memory.pools.addressesOf(pool).has(address)) {
    const message = `${text} is not one of the addresses that ippool "${pool.metadata.name}" gives out`;
    return { type: 'refused', reason: 'AddressNotInPool', message };
  }
  const other =
    memory.pools.claimOf(pool.spec.bridge, address) ?? (await create(ctx, memory, address));
  if (other === undefined) return { type: 'claimed', address };
  const message = `${text} is held by ${ownerOf(other)}`;
  return { type: 'refused', reason: 'AddressTaken', message };
}

async function claimAny(
  ctx: Reconcile<IPReservation>,
  memory: ClaimMemory,
  pool: IPPool,
): Promise<Claimed> {
  const addresses = memory.pools.addressesOf(pool);
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const address = addresses.next();
    if (address === undefined) {
      const message = `all ${addresses.capacity} addresses of ippool "${pool.metadata.name}" are taken`;
      return { type: 'refused', reason: 'PoolFull', message };
    }
    if ((await create(ctx, memory, address)) === undefined) return { type: 'claimed', address };
  }
  throw new Error(`${attemptsMax} addresses in a row were taken by others meanwhile`);
}

/** Undefined when this reservation has the claim; else the claim of another. */
async function create(
  ctx: Reconcile<IPReservation>,
  { pools, writes }: ClaimMemory,
  address: number,
): Promise<IPAddress | undefined> {
  const { client, signal, object } = ctx;
  const { namespace = '', name = '', uid = '' } = object.metadata;
  const { pool } = object.spec;
  const wanted: IPAddress = {
    apiVersion: 'berth.dev/v1',
    kind: 'IPAddress',
    metadata: { name: claimName(pool, address) },
    spec: { pool, address: formatIpv4(address), reservation: { namespace, name, uid } },
  };
  // Before the call: the next key in line must not try the same one.
  pools.taken(wanted);
  try {
    writes.stored(await client.create<IPAddress>(ipAddresses, wanted, { signal }));
    ctx.log.info({ pool, address: wanted.spec.address }, 'address claimed');
    return undefined;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) {
      pools.notTaken(wanted);
      throw error;
    }
    const key = { name: wanted.metadata.name ?? '' };
    const found = await client.get<IPAddress>(ipAddresses, key, { signal });
    if (found.spec.reservation.uid !== uid) return found;
    writes.stored(found);
    return undefined;
  }
}

function ownerOf({ spec }: IPAddress): string {
  return `ipreservation ${spec.reservation.namespace}/${spec.reservation.name}`;
}
