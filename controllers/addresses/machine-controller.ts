/** Makes the reservations of machines whose interfaces name a pool and no reservation. */
import type { IPReservation, VM } from '../../api/kinds.gen.ts';
import { keyOf } from '../../api/meta.ts';
import { machineReservations } from '../../api/reservation-refs.ts';
import { ipReservations, vms } from '../../api/resources.gen.ts';
import { hasReason, StatusError } from '../../api/status.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
} from '../kit/controller.ts';
import { controllerReference } from '../kit/pass.ts';

/** How soon to ask again when the server refused: nothing else would wake us. */
const refusedRetryMs = 10_000;

export function machineController(): Controller<VM> {
  return defineController<VM>({
    name: 'vm-address-controller',
    for: vms,
    owns: [ipReservations],
    reconcile: (_key, ctx) => reconcile(ctx),
  });
}

async function reconcile(ctx: Reconcile<VM>): Promise<Outcome> {
  const { client, informers, object: vm, signal } = ctx;
  const { namespace = '' } = vm.metadata;
  const cache = informers.for<IPReservation>(ipReservations);
  for (const { name, pool, isMade } of machineReservations(vm)) {
    // One that is there is used as it is; one that is going makes room by an event.
    if (!isMade || pool === undefined || cache.get(`${namespace}/${name}`) !== undefined) continue;
    const wanted: IPReservation = {
      apiVersion: 'berth.dev/v1',
      kind: 'IPReservation',
      metadata: {
        name,
        namespace,
        // Its own deletion waits for the machine's, which therefore must not wait for it.
        ownerReferences: [{ ...controllerReference(vms, vm), blockOwnerDeletion: false }],
      },
      spec: { pool, releasePolicy: 'WithHolder' },
    };
    try {
      await client.create<IPReservation>(ipReservations, wanted, { signal });
      ctx.log.info({ reservation: keyOf(wanted) }, 'reservation created');
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) continue;
      if (!(error instanceof StatusError) || error.code >= 500) throw error;
      ctx.event(
        'Warning',
        'FailedCreate',
        `Error creating ipreservation ${name}: ${error.message}`,
      );
      return { requeueAfterMs: refusedRetryMs };
    }
  }
  return undefined;
}
