/** Which pods belong to a workload: adopts orphans that were made for it, lets go what no longer matches. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { LabelSelector } from '../../api/label-selector.ts';
import { pods as podResource, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import { byController } from '../kit/informers.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { controllerReference } from '../kit/pass.ts';
import { templateHashLabel, workloadLabel } from './plan.ts';
import { labelValue } from './pod-object.ts';

/** Index of the pod informer: `namespace/value of the workload label`. */
export const byWorkloadLabel = 'workload-label';

export function workloadLabelKeys({ metadata }: Pod): readonly string[] {
  const value = metadata.labels?.[workloadLabel];
  return value === undefined ? [] : [`${metadata.namespace}/${value}`];
}

/** The workload's pods, its own last writes included. */
export async function claimPods(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  selector: LabelSelector,
): Promise<readonly Pod[]> {
  const workload = ctx.object;
  const { namespace = '', name = '', uid = '' } = workload.metadata;
  const informer = ctx.informers.for<Pod>(podResource);
  const owned = writes.over(informer.byIndex(byController, uid), (pod) => isControlledBy(pod, uid));
  const label = labelValue(name);
  const orphans = informer
    .byIndex(byWorkloadLabel, `${namespace}/${label}`)
    .map((pod) => writes.get(`${namespace}/${pod.metadata.name}`) ?? pod)
    .filter((pod) => isOrphanOf(pod, selector));
  const claimed: Pod[] = [];
  for (const pod of owned) {
    const mine = selector.matches(pod.metadata.labels);
    if (mine || pod.metadata.deletionTimestamp !== undefined) claimed.push(pod);
    else await release(ctx, writes, pod, uid);
  }
  for (const pod of orphans) {
    const adopted = await adopt(ctx, writes, pod);
    if (adopted !== undefined) claimed.push(adopted);
  }
  return claimed;
}

function isControlledBy({ metadata }: Pod, uid: string): boolean {
  return metadata.ownerReferences?.some((each) => each.controller && each.uid === uid) ?? false;
}

/** Only pods that a workload of this name made, of whatever template. */
function isOrphanOf({ metadata }: Pod, selector: LabelSelector): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    metadata.ownerReferences?.some((each) => each.controller) !== true &&
    metadata.labels?.[templateHashLabel] !== undefined &&
    selector.matches(metadata.labels)
  );
}

async function adopt(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pod: Pod,
): Promise<Pod | undefined> {
  const { ownerReferences = [] } = pod.metadata;
  const references = [...ownerReferences, controllerReference(workloads, ctx.object)];
  // Asked afresh: a workload that was deleted meanwhile must not take pods with it.
  const { namespace = '', name = '', uid } = ctx.object.metadata;
  const { signal } = ctx;
  const live = await ctx.client.get<Workload>(workloads, { namespace, name }, { signal });
  if (live.metadata.uid !== uid || live.metadata.deletionTimestamp !== undefined) return undefined;
  return setReferences(ctx, writes, pod, references, 'pod adopted');
}

async function release(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pod: Pod,
  uid: string,
): Promise<void> {
  const rest = (pod.metadata.ownerReferences ?? []).filter((each) => each.uid !== uid);
  await setReferences(ctx, writes, pod, rest, 'pod released');
}

async function setReferences(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  { metadata }: Pod,
  ownerReferences: NonNullable<Pod['metadata']['ownerReferences']>,
  message: string,
): Promise<Pod | undefined> {
  const { namespace = '', name = '', resourceVersion } = metadata;
  // The list is replaced whole, so nobody else may have changed it meanwhile.
  const patch = {
    metadata: { resourceVersion, ownerReferences: ownerReferences.map((each) => ({ ...each })) },
  };
  try {
    const { signal } = ctx;
    const pod = await ctx.client.patch<Pod>(podResource, { namespace, name }, patch, { signal });
    writes.stored(pod);
    ctx.log.info({ pod: name }, message);
    return pod;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
