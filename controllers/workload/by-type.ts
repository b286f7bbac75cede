/** One pass over a workload, whatever its type. */
import type { Workload } from '../../api/kinds.gen.ts';
import { reconcileCron } from '../cron/reconcile.ts';
import { awaitDependencies } from '../dependencies/await.ts';
import { ensureOrder } from '../dependencies/hold.ts';
import { reconcileJob } from '../job/reconcile.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { reconcileWorkload, type WorkloadMemory } from './reconcile.ts';

export async function reconcileByType(
  ctx: Reconcile<Workload>,
  memory: WorkloadMemory,
): Promise<Outcome> {
  // The change brings us back.
  if (await ensureOrder(ctx)) return { incomplete: true };
  const waiting = await awaitDependencies(ctx);
  if (waiting !== undefined) return waiting;
  const { type = 'Service' } = ctx.object.spec;
  switch (type) {
    case 'Service':
      return reconcileWorkload(ctx, memory);
    case 'Job':
      return reconcileJob(ctx, memory.writes);
    case 'Cron':
      return reconcileCron(ctx, memory.jobWrites);
  }
}
