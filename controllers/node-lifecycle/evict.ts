/** Deletes pods from nodes with NoExecute taints that they do not, or no longer, tolerate. */
import type { Node, Pod, Taint } from '../../api/kinds.gen.ts';
import { isEnded } from '../workload/pod-state.ts';
import {
  forAll,
  isSilent,
  type NodeLifecycleContext,
  nameOf,
  podsOn,
  workloadOf,
} from './context.ts';
import { isHealthTaint, readinessOf } from './node-health.ts';
import { removePod } from './remove-pod.ts';
import { toleratedMs } from './toleration.ts';
import { whyBound } from './why-bound.ts';

/** Pods deleted in one pass; the rest follows in the next. */
const passMax = 500;

/** Since when each taint is there, in counted time. */
export type TaintTimes = Map<string, number>;

export interface Evicted {
  /** Whether all that was due could be done. */
  readonly clean: boolean;
  /** Until the next pod is due; infinity when none is. */
  readonly nextMs: number;
}

export async function evictPods(
  ctx: NodeLifecycleContext,
  all: readonly Node[],
  times: TaintTimes,
  wave: boolean,
): Promise<Evicted> {
  const due: Pod[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const { node, taints } of taintedNodes(ctx, all, times, wave)) {
    for (const pod of podsOn(ctx, nameOf(node))) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      const waitMs = untilEvictedMs(ctx, pod, taints);
      if (waitMs <= 0) due.push(pod);
      else nextMs = Math.min(nextMs, waitMs);
    }
  }
  const clean = await forAll(ctx, due.slice(0, passMax), (pod) => evict(ctx, pod));
  return { clean, nextMs: due.length > passMax ? 0 : nextMs };
}

interface Since {
  readonly taint: Taint;
  /** In counted time. */
  readonly sinceMs: number;
}

/** The taints that count now; forgets the times of those that are gone. */
function taintedNodes(
  ctx: NodeLifecycleContext,
  all: readonly Node[],
  times: TaintTimes,
  wave: boolean,
): readonly { readonly node: Node; readonly taints: readonly Since[] }[] {
  const present = new Set<string>();
  const found = all.flatMap((node) => {
    const executing = (node.spec.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
    if (executing.length === 0) return [];
    const taints = executing.flatMap((taint) => {
      const id = `${node.metadata.uid} ${taint.key}=${taint.value ?? ''}`;
      present.add(id);
      // While a wave lasts nobody's time runs; after it everybody has all of it.
      if (wave && isHealthTaint(taint)) times.set(id, ctx.beats.elapsedMs);
      const sinceMs = times.get(id) ?? firstSeenMs(ctx, taint);
      times.set(id, sinceMs);
      return counts(ctx, node, taint, wave) ? [{ taint, sinceMs }] : [];
    });
    return taints.length === 0 ? [] : [{ node, taints }];
  });
  for (const id of times.keys()) if (!present.has(id)) times.delete(id);
  return found;
}

/** A taint from before this process looked goes on from when it was added. */
function firstSeenMs({ beats, clock }: NodeLifecycleContext, { timeAdded }: Taint): number {
  const ageMs = timeAdded === undefined ? 0 : clock.now() - Date.parse(timeAdded);
  return beats.elapsedMs - Math.max(ageMs, 0);
}

/** People's taints always; our own only on a node that we know to be dead or not ready ourselves. */
function counts(ctx: NodeLifecycleContext, node: Node, taint: Taint, wave: boolean): boolean {
  if (!isHealthTaint(taint)) return true;
  return !wave && (isSilent(ctx, node) || readinessOf(node) === 'False');
}

function untilEvictedMs(ctx: NodeLifecycleContext, pod: Pod, taints: readonly Since[]): number {
  const { beats, clock, options } = ctx;
  const createdMs = Date.parse(pod.metadata.creationTimestamp ?? '');
  const podSinceMs = beats.elapsedMs - Math.max(clock.now() - createdMs, 0);
  const bound = isEnded(pod) || whyBound(pod, workloadOf(ctx, pod)) !== undefined;
  const waits = taints.map(({ taint, sinceMs }) => {
    if (bound && isHealthTaint(taint)) return Number.POSITIVE_INFINITY;
    const allowedMs = toleratedMs(pod, taint, options.defaultTolerationMs);
    return Math.max(sinceMs, podSinceMs) + allowedMs - beats.elapsedMs;
  });
  return Math.min(...waits);
}

async function evict(ctx: NodeLifecycleContext, pod: Pod): Promise<void> {
  const { namespace, name } = pod.metadata;
  ctx.events.recordEvent({
    involvedObject: pod,
    type: 'Normal',
    reason: 'TaintManagerEviction',
    message: `Marking for deletion Pod ${namespace}/${name}`,
  });
  await removePod(ctx, pod, {
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
  });
  ctx.log.info({ pod: name, namespace, node: pod.spec.nodeName }, 'pod evicted');
}
