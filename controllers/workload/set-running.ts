/** Tells every pod of a workload whether it should run. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { pods as podResource } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Reconcile } from '../kit/controller.ts';
import type { OwnWrites } from '../kit/own-writes.ts';
import { runningAnnotation } from './pod-object.ts';
import { isActive } from './pod-state.ts';

/** Returns the pods as they are afterwards. */
export async function setRunning(
  ctx: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pods: readonly Pod[],
): Promise<readonly Pod[]> {
  const wanted = ctx.object.spec.running === false ? 'false' : undefined;
  const result: Pod[] = [];
  for (const pod of pods) {
    const is = pod.metadata.annotations?.[runningAnnotation];
    const same = is === wanted || !isActive(pod);
    result.push(same ? pod : await annotate(ctx, writes, pod, wanted ?? null));
  }
  return result;
}

async function annotate(
  { client, log, signal }: Reconcile<Workload>,
  writes: OwnWrites<Pod>,
  pod: Pod,
  value: 'false' | null,
): Promise<Pod> {
  const { namespace = '', name = '', uid } = pod.metadata;
  const patch = { metadata: { uid, annotations: { [runningAnnotation]: value } } };
  try {
    const patched = await client.patch<Pod>(podResource, { namespace, name }, patch, { signal });
    writes.stored(patched);
    log.info({ pod: name, running: value === null }, 'pod switched');
    return patched;
  } catch (error) {
    if (hasReason(error, 'NotFound', 'Conflict')) return pod;
    throw error;
  }
}
