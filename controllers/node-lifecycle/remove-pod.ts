import { findCondition, formatTime } from '../../api/conditions.ts';
import type { Pod, PodCondition } from '../../api/kinds.gen.ts';
import { pods } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type NodeLifecycleContext, patchExactly, plain } from './context.ts';

export interface RemoveReason {
  readonly reason: 'DeletionByTaintManager' | 'DeletionByPodGC';
  readonly message: string;
  /** There is nobody left who could confirm that it is gone. */
  readonly force?: boolean;
}

/** Deletes exactly this pod, having said why in its condition `DisruptionTarget`. */
export async function removePod(
  ctx: NodeLifecycleContext,
  pod: Pod,
  { reason, message, force = false }: RemoveReason,
): Promise<void> {
  const { client, signal } = ctx;
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  const before = pod.status?.conditions ?? [];
  const type = 'DisruptionTarget';
  if (findCondition(before, type)?.status !== 'True') {
    const lastTransitionTime = formatTime(ctx.clock.now());
    const target: PodCondition = { type, status: 'True', reason, message, lastTransitionTime };
    const conditions = [...before.filter((each) => each.type !== type), target];
    await patchExactly(ctx, pods, pod, { status: { conditions: plain(conditions) } }, 'status');
  }
  const grace = force ? { gracePeriodSeconds: 0 } : {};
  try {
    await client.delete(pods, { namespace, name }, { ...grace, preconditions: { uid }, signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
}
