/** What is left to do for a Job that has finished: it goes when its time is over. */
import { findCondition } from '../../api/conditions.ts';
import type { Workload } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { scheduledAtMs } from '../cron/child.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { finishOf } from './status.ts';

/** How soon to look again whether the Cron knows of its Job. */
const notedRetryMs = 1_000;

export async function afterFinish(ctx: Reconcile<Workload>): Promise<Outcome> {
  const { metadata, spec, status } = ctx.object;
  const { ttlSecondsAfterFinished: ttl } = spec;
  if (ttl === undefined) return undefined;
  const finished = findCondition(status?.conditions, finishOf(ctx.object) ?? '');
  const dueMs = Date.parse(finished?.lastTransitionTime ?? '') + ttl * 1000;
  const waitMs = isNoted(ctx) ? dueMs - ctx.clock.now() : notedRetryMs;
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata;
  try {
    await ctx.client.delete(
      workloads,
      { namespace, name },
      // Exactly what was judged: the time may have been prolonged meanwhile.
      { preconditions: { uid, resourceVersion }, signal: ctx.signal },
    );
    ctx.log.info({ ttlSeconds: ttl }, 'finished job deleted');
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
  return undefined;
}

/** A Cron that was killed between making its Job and saying so must still find it. */
function isNoted({ object, informers }: Reconcile<Workload>): boolean {
  const { namespace, ownerReferences = [] } = object.metadata;
  const owner = ownerReferences.find(({ controller }) => controller);
  const cron = informers.for<Workload>(workloads).get(`${namespace}/${owner?.name}`);
  if (cron === undefined || cron.metadata.uid !== owner?.uid) return true;
  const last = Date.parse(cron.status?.lastScheduleTime ?? '') || 0;
  return last >= (scheduledAtMs(object) ?? 0);
}
