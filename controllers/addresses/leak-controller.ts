/** Takes back addresses whose reservation is gone: whoever claimed them did not come to release them. */
import type { IPAddress, IPReservation } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { keyOf } from '../../api/meta.ts';
import { ipAddresses, ipReservations } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Controller, defineController, type Reconcile } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { releaseClaims } from './claim.ts';
import { byReservation } from './pools.ts';

export function leakController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<IPAddress> {
  const claims = informers.for<IPAddress>(ipAddresses);
  return defineController<IPAddress>({
    name: 'ip-address-controller',
    for: ipAddresses,
    watches: [
      {
        resource: ipReservations,
        keys: ({ metadata }) => claims.byIndex(byReservation, metadata.uid ?? '').map(keyOf),
        matters: () => false, // Only its going.
      },
    ],
    async reconcile(_key, ctx) {
      if (await isLeaked(ctx)) await releaseClaims(ctx, [ctx.object]);
      return undefined;
    },
  });
}

/** By the server's own word: a cache may not have seen a reservation that has an address already. */
async function isLeaked(ctx: Reconcile<IPAddress>): Promise<boolean> {
  const { namespace, name, uid } = ctx.object.spec.reservation;
  const key = { namespace, name };
  const cached = ctx.informers.for<IPReservation>(ipReservations).get(`${namespace}/${name}`);
  if (cached?.metadata.uid === uid) return false;
  try {
    const { signal } = ctx;
    const found = await ctx.client.get<KubeObject>(ipReservations, key, { signal });
    return found.metadata.uid !== uid;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}
