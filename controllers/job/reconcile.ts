/** Runs the pods of a workload of type Job until enough have succeeded. Level-based, like all. */
import { formatTime } from '../../api/conditions.ts';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import { nodes as nodeResource, pods as podResource } from '../../api/resources.gen.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { carryOut } from '../workload/carry-out.ts';
import { unplacedOf } from '../workload/unplaced.ts';
import { afterFinish } from './after-finish.ts';
import { isRemoved, isTracked, jobPod } from './job-pod.ts';
import { activePods, planJob } from './plan.ts';
import { markRemoved, releasePod } from './pod-writes.ts';
import { type JobSpec, jobSpecOf } from './spec.ts';
import {
  failureTarget,
  finishedCondition,
  finishOf,
  podCounts,
  refusalCondition,
  summaryOf,
  suspendedCondition,
} from './status.ts';
import { countedField, countMax, type Tally, tallyFields, tallyOf } from './tally.ts';
import { backoffMs, untilDeadlineMs, type Verdict, verdictOf } from './verdict.ts';

/** How soon to look again when the server refused a pod: nothing else would wake us. */
const refusedRetryMs = 10_000;

/** So that of two writers at once, which there should not be, only one counts. */
const exact = { exact: true } as const;

export async function reconcileJob(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
): Promise<Outcome> {
  if (finishOf(ctx.object) !== undefined) return afterFinish(ctx);
  const spec = jobSpecOf(ctx.object);
  const pods = podsOf(ctx, writes);
  const tally = tallyOf(ctx.object.status, pods, spec);
  const verdict = verdictOf(ctx.object, spec, tally, pods, ctx.clock.now());
  await writeDown(ctx, spec, tally, verdict);
  const counted = await releaseCounted(ctx, writes, tally);
  const isDone = verdict !== undefined || tally.succeeded >= spec.completions;
  const restMs = backoffMs(pods, spec, ctx.clock.now());
  const plan = planJob({
    workload: ctx.object,
    spec,
    tally,
    pods,
    halted: verdict !== undefined || spec.suspended,
    resting: restMs > 0,
    isTaken: (name) => writes.get(`${ctx.object.metadata.namespace}/${name}`) !== undefined,
  });
  const remove = await marked(ctx, writes, plan.remove);
  const nodes = ctx.informers.for<Node>(nodeResource).list();
  const create = plan.create.slice(0, unplacedOf(ctx.object, pods, nodes).room);
  const { refused, more } = await carryOut(ctx, writes, { create, remove }, (name) => ({
    pod: jobPod(ctx.object, name),
  }));
  const after = podsOf(ctx, writes);
  const isOver = isDone && activePods(after, spec).length === 0 && !after.some(isTracked);
  const state = isOver ? (verdict === undefined ? 'Complete' : 'Failed') : runState(spec);
  await ctx.setStatus(
    {
      ...podCounts(after, spec),
      ...countedField(counted),
      selector: fromLabelSelectorObject(ctx.object.spec.selector).toString(),
      summary: summaryOf(state, tally, spec),
      ...(state === 'Complete' ? { completionTime: formatTime(ctx.clock.now()) } : {}),
    },
    [refusalCondition(refused), ...(isOver ? [finishedCondition(verdict)] : [])],
    exact,
  );
  if (isOver) return tellEnd(ctx, verdict);
  const waits = [
    restMs > 0 && !isDone ? restMs : undefined,
    more || tally.counted.size >= countMax ? 0 : undefined,
    refused === undefined ? undefined : refusedRetryMs,
    // Once it is over, it is the end of the pods that wakes us.
    verdict === undefined ? untilDeadlineMs(startTimeOf(ctx), spec, ctx.clock.now()) : undefined,
  ].filter((ms) => ms !== undefined);
  return waits.length === 0 ? undefined : { requeueAfterMs: Math.max(Math.min(...waits), 0) };
}

function startTimeOf({ object }: Reconcile<Workload>): string | undefined {
  return object.status?.startTime;
}

/** The Job's own, the last writes of this process included. */
function podsOf(ctx: Reconcile<Workload>, writes: OwnWrites<Pod>): readonly Pod[] {
  const { uid = '' } = ctx.object.metadata;
  const known = ctx.informers.for<Pod>(podResource).byIndex(byController, uid);
  return writes.over(known, ({ metadata }) =>
    (metadata.ownerReferences ?? []).some((each) => each.controller && each.uid === uid),
  );
}

/** Counts and decisions, before anything is done that cannot be seen afterwards. */
async function writeDown(
  ctx: Reconcile<Workload>,
  spec: JobSpec,
  tally: Tally,
  verdict: Verdict | undefined,
): Promise<void> {
  const { startTime } = ctx.object.status ?? {};
  // A suspended Job has not begun: when it is resumed, its deadline starts over.
  const begin = spec.suspended ? undefined : (startTime ?? formatTime(ctx.clock.now()));
  const conditions = [...suspendedCondition(ctx.object, spec), ...failureTarget(verdict)];
  await ctx.setStatus({ ...tallyFields(tally), startTime: begin }, conditions, exact);
}

/** Takes the finalizer from what is counted; returns who is still to be remembered as counted. */
async function releaseCounted(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  { counted }: Tally,
): Promise<ReadonlySet<string>> {
  for (const pod of podsOf(ctx, writes)) {
    if (!isTracked(pod) || !counted.has(pod.metadata.uid ?? '')) continue;
    const released = await releasePod(ctx, pod);
    if (released === undefined) writes.deleted(pod);
    else writes.stored(released);
  }
  const held = podsOf(ctx, writes).filter(isTracked);
  return new Set(held.map(({ metadata }) => metadata.uid ?? '').filter((uid) => counted.has(uid)));
}

/** The pods as they are when they are marked as ended by us; those that are gone are left out. */
async function marked(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pods: readonly Pod[],
): Promise<readonly Pod[]> {
  const result: Pod[] = [];
  for (const pod of pods) {
    const done = isRemoved(pod) ? pod : await markRemoved(ctx, pod);
    if (done === undefined) continue;
    writes.stored(done);
    result.push(done);
  }
  return result;
}

function runState({ suspended }: JobSpec): 'Suspended' | 'Running' {
  return suspended ? 'Suspended' : 'Running';
}

function tellEnd(ctx: Reconcile<Workload>, verdict: Verdict | undefined): Outcome {
  if (verdict === undefined) ctx.event('Normal', 'Completed', 'Job completed');
  else ctx.event('Warning', verdict.reason, verdict.message);
  return undefined;
}
