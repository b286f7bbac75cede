/** Lets go the pods of Jobs that are not there any more: nobody will count them. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import {
  type Controller,
  defineController,
  type Outcome,
  type Reconcile,
} from '../kit/controller.ts';
import { byController, type Informers } from '../kit/informers.ts';
import { isTracked } from './job-pod.ts';
import { releasePod } from './pod-writes.ts';

export function jobPodReleaseController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<Pod> {
  const podsOf = ({ metadata }: KubeObject) =>
    informers
      .for<Pod>(pods)
      .byIndex(byController, metadata.uid ?? '')
      .filter(isTracked)
      .map(keyOf);
  return defineController<Pod>({
    name: 'job-pod-release',
    for: pods,
    watches: [{ resource: workloads, keys: podsOf, matters: isGoing }],
    reconcile: (_key, ctx) => release(ctx),
    deleting: (_key, ctx) => release(ctx),
  });
}

function isGoing(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

async function release(ctx: Reconcile<Pod>): Promise<Outcome> {
  if (!isTracked(ctx.object) || (await hasJob(ctx))) return undefined;
  await releasePod(ctx, ctx.object);
  ctx.log.debug({}, 'pod of a job that is gone released');
  return undefined;
}

/** A cache is no reason to let a run go uncounted: unless it says that the Job is there, the server is asked. */
async function hasJob({ object, informers, client, signal }: Reconcile<Pod>): Promise<boolean> {
  const { namespace = '', ownerReferences = [] } = object.metadata;
  const owner = ownerReferences.find(({ controller }) => controller);
  if (owner === undefined || owner.kind !== workloads.kind) return false;
  const stays = ({ metadata }: Workload) =>
    metadata.uid === owner.uid && metadata.deletionTimestamp === undefined;
  const cached = informers.for<Workload>(workloads).get(`${namespace}/${owner.name}`);
  if (cached !== undefined && stays(cached)) return true;
  try {
    return stays(
      await client.get<Workload>(workloads, { namespace, name: owner.name }, { signal }),
    );
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    throw error;
  }
}
