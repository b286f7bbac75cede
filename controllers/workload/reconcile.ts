/** Brings the pods of a workload to what its spec says. Level-based: reads caches, never an event. */
import { nodesOf } from '../../api/desired-count.ts';
import type { ControllerRevision, Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { fromLabelSelectorObject, type LabelSelector } from '../../api/label-selector.ts';
import { nodes as nodeResource } from '../../api/resources.gen.ts';
import type { Outcome, Reconcile } from '../kit/controller.ts';
import { TerminalError } from '../kit/errors.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { type CarriedOut, carryOut } from './carry-out.ts';
import { claimPods } from './claim.ts';
import { type Desired, desiredOf } from './desired.ts';
import type { Plan, Situation } from './plan.ts';
import { planEphemeral } from './plan-ephemeral.ts';
import { planStable } from './plan-stable.ts';
import { podName, podObject } from './pod-object.ts';
import { availableAtMs, isEnded, provenAtMs } from './pod-state.ts';
import type { ReplacementBackoff } from './replacement-backoff.ts';
import { dropReservations, ensureReservation } from './reservations.ts';
import { setRunning } from './set-running.ts';
import { settle } from './settle.ts';
import { chooseTarget, type Target } from './target.ts';
import { type Unplaced, unplacedOf } from './unplaced.ts';
import { ensureVolumes, growVolumes } from './volume-claims.ts';

export interface WorkloadMemory {
  readonly writes: OwnWrites<Pod>;
  readonly revisionWrites: OwnWrites<ControllerRevision>;
  /** Jobs of Crons. */
  readonly jobWrites: OwnWrites<Workload>;
  readonly backoff: ReplacementBackoff;
}

/** How soon to look again when the server refused a pod: nothing else would wake us. */
const refusedRetryMs = 10_000;

export async function reconcileWorkload(
  ctx: Reconcile<Workload>,
  { writes, revisionWrites, backoff }: WorkloadMemory,
): Promise<Outcome> {
  const workload = ctx.object;
  const selector = selectorOf(workload);
  const claimed = await claimPods(ctx, writes, selector);
  const nodes = ctx.informers.for<Node>(nodeResource).list();
  const desired = desiredOf(workload, { nodes, occupied: nodesOf(claimed) });
  const pods = await setRunning(ctx, writes, claimed);
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const rest = backoff.resting(workload.metadata.uid ?? '', live.filter(isEnded));

  const target = await chooseTarget(ctx, revisionWrites, pods);
  const unplaced = unplacedOf(workload, pods, nodes);
  const { refused, more, heldBack } = await rollOut(ctx, writes, target, unplaced, {
    desired,
    pods,
    resting: rest.uids,
    nowMs: ctx.clock.now(),
  });

  const { uid = '' } = workload.metadata;
  const after = writes.over(pods, (pod) => isOf(pod, uid));
  const input = { desired, target, pods: after, selector: selector.toString(), refused, heldBack };
  const rollout = await settle(ctx, revisionWrites, { ...input, nowMs: ctx.clock.now() });
  await dropReservations(ctx);
  await growVolumes(ctx, after);
  const waits = [
    rest.waitMs,
    more ? 0 : undefined,
    refused === undefined ? undefined : refusedRetryMs,
    untilAvailableMs(after, desired, ctx.clock.now()),
    rollout.waitMs,
  ].filter((ms) => ms !== undefined);
  return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
}

/** Takes the pods one step nearer to the target. */
async function rollOut(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  { revision, fallback }: Target,
  unplaced: Unplaced,
  seen: Pick<Situation, 'desired' | 'pods' | 'resting' | 'nowMs'>,
): Promise<CarriedOut & { readonly heldBack: number | undefined }> {
  if (revision === undefined) return { refused: undefined, more: false, heldBack: undefined };
  const workload = ctx.object;
  const { namespace = '' } = workload.metadata;
  const plan = planOf({
    ...seen,
    hash: revision.hash,
    ...(fallback === undefined ? {} : { fallback: fallback.hash }),
    nameOf: (slot, hash) => podName(workload, hash, slot),
    isTaken: (name) => writes.get(`${namespace}/${name}`) !== undefined,
  });
  const create = plan.create.slice(0, unplaced.room);
  const carriedOut = await carryOut(ctx, writes, { ...plan, create }, (name) => {
    const of = name.hash === fallback?.hash ? (fallback ?? revision) : revision;
    const pod = podObject(workload, of.hash, name, of.content);
    const prepare = async () =>
      (await ensureReservation(ctx, pod, of.content)) ?? (await ensureVolumes(ctx, pod));
    return { pod, prepare };
  });
  const isHeld = create.length < plan.create.length;
  return { ...carriedOut, heldBack: isHeld ? unplaced.count : undefined };
}

function planOf(situation: Situation): Plan {
  return situation.desired.stable ? planStable(situation) : planEphemeral(situation);
}

function selectorOf({ spec }: Workload): LabelSelector {
  const selector = fromLabelSelectorObject(spec.selector);
  if (selector.requirements.length === 0) {
    throw new TerminalError('SelectorEmpty', 'spec.selector is empty and would match every pod');
  }
  if (!selector.matches(spec.template.metadata?.labels)) {
    const message = `spec.selector "${selector}" does not match the labels of spec.template`;
    throw new TerminalError('SelectorDoesNotMatchTemplate', message);
  }
  return selector;
}

function isOf({ metadata }: Pod, uid: string): boolean {
  return metadata.ownerReferences?.some((each) => each.controller && each.uid === uid) ?? false;
}

/** Until the next ready pod has been so for long enough: no event will say so. */
function untilAvailableMs(
  pods: readonly Pod[],
  { minReadySeconds }: Desired,
  nowMs: number,
): number | undefined {
  const waits = pods
    .flatMap((pod) => [availableAtMs(pod, minReadySeconds), provenAtMs(pod, minReadySeconds)])
    .map((atMs) => (atMs ?? 0) - nowMs)
    .filter((ms) => ms > 0);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
