/** Brings the status of a budget up to what its pods are. */

import { nodesOf } from '../../api/desired-count.ts';
import type { Node, Pod, PodDisruptionBudget, Workload } from '../../api/kinds.gen.ts';
import {
  fromLabelSelectorObject,
  type LabelSelector,
  type Labels,
  nothing,
} from '../../api/label-selector.ts';
import type { JsonObject, KubeObject } from '../../api/meta.ts';
import { podDisruptionBudgets, pods as podResource } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import type { Outcome, Reconcile, StatusCondition } from '../kit/controller.ts';
import { statusPatch } from '../kit/status.ts';
import { desiredOf } from '../workload/desired.ts';
import { type BudgetCounts, BudgetError, countBudget } from './budget.ts';

/** Index of pods and budgets. */
export const byNamespace = 'namespace';

export function namespaceOf({ metadata }: KubeObject): readonly string[] {
  return [metadata.namespace ?? ''];
}

/** What the scale of a pod's controller is worked out from. */
export interface ScaleSource {
  readonly workload: Workload | undefined;
  readonly nodes: readonly Node[];
}

export async function reconcileBudget(
  ctx: Reconcile<PodDisruptionBudget>,
  sourceOf: (controllerUid: string) => ScaleSource,
): Promise<Outcome> {
  const budget = ctx.object;
  const pods = ctx.informers
    .for<Pod>(podResource)
    .byIndex(byNamespace, budget.metadata.namespace ?? '')
    .filter(({ metadata }) => selects(budget, metadata.labels));
  const scaleOf = (uid: string) => {
    const { workload, nodes } = sourceOf(uid);
    const own = pods.filter(({ metadata }) =>
      metadata.ownerReferences?.some((each) => each.controller === true && each.uid === uid),
    );
    return workload === undefined
      ? undefined
      : desiredOf(workload, { nodes, occupied: nodesOf(own) }).count;
  };
  try {
    const counts = countBudget({ budget, pods, scaleOf, nowMs: ctx.clock.now() });
    for (const name of counts.notDeleted) {
      const message = `Pod ${name} was expected to be deleted by an eviction but it wasn't`;
      ctx.event('Warning', 'NotDeleted', message);
    }
    const written = await write(ctx, statusOf(counts), conditionOf(counts), counts);
    if (written && pods.length === 0) ctx.event('Normal', 'NoPods', 'No matching pods found');
    const { recheckAfterMs } = counts;
    return recheckAfterMs === undefined ? undefined : { requeueAfterMs: recheckAfterMs };
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    // What cannot be worked out allows nothing.
    const { message } = error;
    const failed: StatusCondition = {
      type: 'DisruptionAllowed',
      status: 'False',
      reason: 'SyncFailed',
      message,
    };
    const text = `Failed to calculate the number of expected pods: ${message}`;
    if (await write(ctx, { disruptionsAllowed: 0 }, failed)) {
      ctx.event('Warning', 'CalculateExpectedPodCountFailed', text);
    }
    return undefined;
  }
}

const selectors = new WeakMap<PodDisruptionBudget, LabelSelector>();

/** Whether the budget counts a pod with these labels. */
export function selects(budget: PodDisruptionBudget, labels: Labels | undefined): boolean {
  const known = selectors.get(budget) ?? selectorOf(budget);
  selectors.set(budget, known);
  return known.matches(labels);
}

function selectorOf({ spec }: PodDisruptionBudget): LabelSelector {
  try {
    return fromLabelSelectorObject(spec.selector);
  } catch (error) {
    // Malformed: chooses nothing, as for the server.
    if (error instanceof StatusError) return nothing;
    throw error;
  }
}

function statusOf(counts: BudgetCounts): JsonObject {
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = counts;
  return { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed };
}

function conditionOf({ disruptionsAllowed }: BudgetCounts): StatusCondition {
  const allowed = disruptionsAllowed > 0;
  return {
    type: 'DisruptionAllowed',
    status: allowed ? 'True' : 'False',
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  };
}

/**
 * Writes what differs, and only onto the very version that was looked at: an eviction that was
 * granted meanwhile makes this a conflict, and the next pass counts it. False when nothing differs.
 */
async function write(
  ctx: Reconcile<PodDisruptionBudget>,
  fields: JsonObject,
  condition: StatusCondition,
  { confirmed, notDeleted }: Pick<BudgetCounts, 'confirmed' | 'notDeleted'> = {
    confirmed: [],
    notDeleted: [],
  },
): Promise<boolean> {
  const { object, signal } = ctx;
  const { generation, uid, resourceVersion, namespace = '', name = '' } = object.metadata;
  const patch = statusPatch(object, fields, [condition], generation, ctx.clock.now()) ?? {};
  const forgotten = [...confirmed, ...notDeleted].map((pod) => [pod, null] as const);
  if (forgotten.length > 0) patch['disruptedPods'] = Object.fromEntries(forgotten);
  if (Object.keys(patch).length === 0) return false;
  const body = { metadata: { uid, resourceVersion }, status: patch };
  const options = { subresource: 'status', signal };
  await ctx.client.patch(podDisruptionBudgets, { namespace, name }, body, options);
  return true;
}
