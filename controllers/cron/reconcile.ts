/** Makes the Jobs of a workload of type Cron when it is time, and takes old ones away. */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { Workload } from '../../api/kinds.gen.ts';
import { workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { CronError, type CronSchedule, parseCron } from '../../lib/cron-schedule.ts';
import { finishOf } from '../job/status.ts';
import type { Outcome, Reconcile, StatusCondition } from '../kit/controller.ts';
import { TerminalError } from '../kit/errors.ts';
import { byController } from '../kit/informers.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { scheduledAtMs, scheduledJob, scheduledName } from './child.ts';
import { type Due, dueAt } from './due.ts';

const successfulDefault = 3;
const failedDefault = 1;

export async function reconcileCron(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Workload>,
): Promise<Outcome> {
  const { metadata, spec, status } = ctx.object;
  const schedule = scheduleOf(ctx.object);
  const jobs = jobsOf(ctx, writes);
  // A Job that is there has been made, whether or not whoever made it lived to say so.
  const made = jobs.map(scheduledAtMs).filter((ms) => ms !== undefined);
  const known = Date.parse(status?.lastScheduleTime ?? '') || 0;
  const lastMs = Math.max(known, ...made);
  const nowMs = ctx.clock.now();
  const { startingDeadlineSeconds: deadline } = spec;
  const sinceMs = lastMs || Date.parse(metadata.creationTimestamp ?? '') || nowMs;
  const due = dueAt(schedule, sinceMs, nowMs, deadline === undefined ? undefined : deadline * 1000);
  const suspended = spec.running === false;
  const started = suspended ? undefined : await start(ctx, writes, jobs, due);
  await tell(ctx, jobsOf(ctx, writes), {
    lastMs: Math.max(lastMs, started ?? 0),
    nextMs: suspended ? undefined : due.nextMs,
  });
  // Only now: what has gone could not say any more that it was made.
  await forgetOld(ctx, writes, jobsOf(ctx, writes));
  if (suspended || due.nextMs === undefined) return undefined;
  return { requeueAfterMs: Math.max(due.nextMs - ctx.clock.now(), 0) };
}

function scheduleOf({ spec }: Workload): CronSchedule {
  try {
    return parseCron(spec.schedule ?? '', spec.timeZone);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    throw new TerminalError('InvalidSchedule', error.message, { cause: error });
  }
}

function jobsOf(ctx: Reconcile<Workload>, writes: OwnWrites<Workload>): readonly Workload[] {
  const { uid = '' } = ctx.object.metadata;
  const known = ctx.informers.for<Workload>(workloads).byIndex(byController, uid);
  return writes
    .over(known, ({ metadata }) =>
      (metadata.ownerReferences ?? []).some((each) => each.controller && each.uid === uid),
    )
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

function isActive(job: Workload): boolean {
  return finishOf(job) === undefined;
}

/** Returns the time for which there is a Job now; `undefined` when it was not time, or must not be. */
async function start(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Workload>,
  jobs: readonly Workload[],
  { timeMs, tooManyMissed }: Due,
): Promise<number | undefined> {
  if (timeMs === undefined) return undefined;
  if (tooManyMissed) {
    const remedy = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    ctx.event('Warning', 'TooManyMissedTimes', `too many missed start times. ${remedy}`);
  }
  const active = jobs.filter(isActive);
  const { concurrencyPolicy = 'Allow' } = ctx.object.spec;
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and policy is Forbid';
    ctx.event('Normal', 'JobAlreadyActive', message);
    return undefined;
  }
  if (concurrencyPolicy === 'Replace') {
    for (const job of active) await remove(ctx, writes, job);
  }
  return (await create(ctx, writes, timeMs)) ? timeMs : undefined;
}

async function create(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Workload>,
  timeMs: number,
): Promise<boolean> {
  const name = scheduledName(ctx.object, timeMs);
  const { client, signal, log } = ctx;
  try {
    const job = scheduledJob(ctx.object, timeMs);
    writes.stored(await client.create<Workload>(workloads, job, { signal }));
    log.info({ job: name }, 'job created');
    ctx.event('Normal', 'SuccessfulCreate', `Created job ${name}`);
    return true;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) {
      const message = error instanceof Error ? error.message : String(error);
      ctx.event('Warning', 'FailedCreate', `Error creating job: ${message}`);
      throw error;
    }
    const { namespace = '', uid } = ctx.object.metadata;
    const job = await client.get<Workload>(workloads, { namespace, name }, { signal });
    const ours = job.metadata.ownerReferences?.some((each) => each.controller && each.uid === uid);
    if (ours) writes.stored(job);
    else ctx.event('Warning', 'FailedCreate', `workload ${name} exists and is not of this Cron`);
    // The time is over either way: somebody else's name does not become free.
    return true;
  }
}

async function tell(
  ctx: Reconcile<Workload>,
  jobs: readonly Workload[],
  { lastMs, nextMs }: { readonly lastMs: number; readonly nextMs: number | undefined },
): Promise<void> {
  const active = jobs.filter(isActive).length;
  const successes = jobs.flatMap(({ status }) => Date.parse(status?.completionTime ?? '') || []);
  const before = Date.parse(ctx.object.status?.lastSuccessfulTime ?? '') || 0;
  const successMs = Math.max(before, ...successes);
  const next = nextMs === undefined ? undefined : formatTime(nextMs);
  const suspended = ctx.object.spec.running === false;
  const idle = suspended ? 'Suspended' : next === undefined ? 'Never' : `Next ${next}`;
  await ctx.setStatus(
    {
      active,
      summary: active > 0 ? `Running ${active}` : idle,
      nextScheduleTime: next,
      ...(lastMs === 0 ? {} : { lastScheduleTime: formatTime(lastMs) }),
      ...(successMs === 0 ? {} : { lastSuccessfulTime: formatTime(successMs) }),
    },
    [suspendedCondition(suspended)],
  );
}

function suspendedCondition(suspended: boolean): StatusCondition {
  const type = 'Suspended';
  if (!suspended) return { type, remove: true };
  return { type, status: 'True', reason: 'Suspended', message: 'No jobs are made' };
}

/** Keeps as many finished Jobs as the history may have, the newest. */
async function forgetOld(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Workload>,
  jobs: readonly Workload[],
): Promise<void> {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = ctx.object.spec;
  const limits = {
    Complete: successfulJobsHistoryLimit ?? successfulDefault,
    Failed: failedJobsHistoryLimit ?? failedDefault,
  };
  for (const how of ['Complete', 'Failed'] as const) {
    const finished = jobs
      .filter((job) => finishOf(job) === how)
      .sort((a, b) => finishedMs(b, how) - finishedMs(a, how));
    for (const job of finished.slice(limits[how])) await remove(ctx, writes, job);
  }
}

function finishedMs({ status }: Workload, how: string): number {
  return Date.parse(findCondition(status?.conditions, how)?.lastTransitionTime ?? '') || 0;
}

async function remove(
  { client, signal, log }: Reconcile<Workload>,
  writes: OwnWrites<Workload>,
  job: Workload,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = job.metadata;
  try {
    await client.delete(workloads, { namespace, name }, { preconditions: { uid }, signal });
    log.info({ job: name }, 'job deleted');
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
  writes.deleted(job);
}
