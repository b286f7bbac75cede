/** One IPReservation for each instance of a workload with `spec.addresses`, named as the pod. */
import type { IPReservation, Pod, Workload } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { reservationAnnotation } from '../../api/reservation-refs.ts';
import { ipReservations, workloads } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import { controllerReference } from '../kit/pass.ts';
import type { Content } from './content.ts';

/** The pod names its reservation, which has its name. */
export function reservationOf(name: string, { addresses }: Content): Record<string, string> {
  return addresses === undefined ? {} : { [reservationAnnotation]: name };
}

/**
 * Sees to it that there is one before the pod is made. One that somebody else made is used as it is.
 * Returns why the one that is there cannot be used.
 */
export async function ensureReservation(
  ctx: Reconcile<Workload>,
  { metadata }: Pod,
  { addresses }: Content,
): Promise<StatusError | undefined> {
  if (addresses === undefined) return undefined;
  const { pool } = addresses;
  const { name = '', namespace = '' } = metadata;
  const { client, informers, object: workload, signal } = ctx;
  const known = informers.for<IPReservation>(ipReservations).get(`${namespace}/${name}`);
  if (known !== undefined) return judge(ctx, known, pool);
  const wanted: IPReservation = {
    apiVersion: 'berth.dev/v1',
    kind: 'IPReservation',
    metadata: {
      name,
      namespace,
      // Its own deletion waits for the pod's, and the workload's must not wait for both.
      ownerReferences: [{ ...controllerReference(workloads, workload), blockOwnerDeletion: false }],
    },
    spec: { pool },
  };
  try {
    await client.create<IPReservation>(ipReservations, wanted, { signal });
    ctx.log.info({ reservation: name }, 'reservation created');
    return undefined;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const key = { namespace, name };
    return judge(ctx, await client.get<IPReservation>(ipReservations, key, { signal }), pool);
  }
}

/** Those of a workload that gives no addresses any more go when nobody has them. */
export async function dropReservations(ctx: Reconcile<Workload>): Promise<void> {
  const { informers, object: workload } = ctx;
  if (workload.spec.addresses !== undefined) return;
  const own = informers
    .for<IPReservation>(ipReservations)
    .byIndex(byController, workload.metadata.uid ?? '');
  for (const reservation of own)
    if (reservation.status?.holder === undefined) await remove(ctx, reservation);
}

async function judge(
  ctx: Reconcile<Workload>,
  reservation: IPReservation,
  pool: string,
): Promise<StatusError | undefined> {
  const { metadata, spec } = reservation;
  const isGoing = metadata.deletionTimestamp !== undefined;
  if (!isGoing && spec.pool === pool) return undefined;
  const refused = (why: string) =>
    new StatusError(409, 'Conflict', `ipreservation "${metadata.name}" ${why}`);
  if (isGoing) return refused('is being deleted');
  if (!isOwn(reservation, ctx.object)) {
    return refused(`is of pool "${spec.pool}", and not of "${pool}": delete it, or name its pool`);
  }
  // The pool was changed, and the instance that had this address is gone.
  await remove(ctx, reservation);
  return refused(`makes room for one of pool "${pool}"`);
}

async function remove(
  { client, signal, log }: Reconcile<Workload>,
  { metadata }: IPReservation,
): Promise<void> {
  const { name = '', namespace = '', uid = '' } = metadata;
  if (metadata.deletionTimestamp !== undefined) return;
  try {
    const options = { preconditions: { uid }, signal };
    await client.delete(ipReservations, { namespace, name }, options);
    log.info({ reservation: name }, 'reservation deleted');
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
}

function isOwn({ metadata }: KubeObject, workload: Workload): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return owner !== undefined && owner.uid === workload.metadata.uid;
}
