/**
 * Force-deletes pods, and machines that were deleted, whose node a person has declared dead: by deleting its Node object, or by the
 * taint `node.kubernetes.io/out-of-service`. Nobody else confirms the end of such pods.
 * Source: kubernetes pkg/controller/podgc.
 */
import type { Node, Pod, VM } from '../../api/kinds.gen.ts';
import { nodes, pods, vms } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { forAll, type NodeLifecycleContext, nameOf, podsOn } from './context.ts';
import { collectMachines } from './machines.ts';
import { outOfServiceTaint, readinessOf } from './node-health.ts';
import { removePod } from './remove-pod.ts';

/** Since when each node that somebody is bound to is missing, in counted time. */
export type AbsentTimes = Map<string, number>;

export async function collectPods(ctx: NodeLifecycleContext, absent: AbsentTimes): Promise<void> {
  const { informers, beats, options } = ctx;
  const known = informers.for<Node>(nodes);
  const missing = new Set<string>();
  const bound = [...informers.for<Pod>(pods).list(), ...informers.for<VM>(vms).list()];
  for (const { spec } of bound) {
    const { nodeName = '' } = spec;
    if (nodeName !== '' && known.get(nodeName) === undefined) missing.add(nodeName);
  }
  for (const name of absent.keys()) if (!missing.has(name)) absent.delete(name);
  for (const name of missing) {
    const sinceMs = absent.get(name) ?? beats.elapsedMs;
    absent.set(name, sinceMs);
    if (beats.elapsedMs - sinceMs < options.absentGraceMs) continue;
    if (await isGone(ctx, name)) {
      await remove(ctx, podsOn(ctx, name), 'PodGC: node no longer exists');
      await collectMachines(ctx, name);
    }
  }
  for (const node of known.list().filter(isOutOfService)) {
    const ending = podsOn(ctx, nameOf(node)).filter(
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
    await remove(ctx, ending, 'PodGC: node is out of service');
    await collectMachines(ctx, nameOf(node));
  }
}

/** A cache is no reason to destroy: the server is asked. */
async function isGone({ client, signal }: NodeLifecycleContext, name: string): Promise<boolean> {
  try {
    await client.get<Node>(nodes, { name }, { signal });
    return false;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}

/** The word of a person does not count against an agent that answers. */
function isOutOfService(node: Node): boolean {
  const tainted = node.spec.taints?.some(
    ({ key, effect }) => key === outOfServiceTaint && effect === 'NoExecute',
  );
  return tainted === true && readinessOf(node) !== 'True';
}

async function remove(
  ctx: NodeLifecycleContext,
  doomed: readonly Pod[],
  message: string,
): Promise<void> {
  await forAll(ctx, doomed, async (pod) => {
    await removePod(ctx, pod, { reason: 'DeletionByPodGC', message, force: true });
    const { namespace, name } = pod.metadata;
    ctx.log.info({ pod: name, namespace, node: pod.spec.nodeName }, 'pod of a dead node removed');
  });
}
