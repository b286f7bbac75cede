/** Makes the pods of a silent node say that nobody knows how they are, and what becomes of them. */
import { findCondition, formatTime } from '../../api/conditions.ts';
import type { Node, Pod, PodCondition } from '../../api/kinds.gen.ts';
import { pods } from '../../api/resources.gen.ts';
import { isActive } from '../workload/pod-state.ts';
import {
  forAll,
  type NodeLifecycleContext,
  nameOf,
  patchExactly,
  plain,
  podsOn,
  workloadOf,
} from './context.ts';
import { outOfServiceTaint } from './node-health.ts';
import { whyBound } from './why-bound.ts';

const reason = 'NodeUnreachable';

/** The agent says better when it is back. */
export function markPods(ctx: NodeLifecycleContext, node: Node): Promise<boolean> {
  const name = nameOf(node);
  return forAll(ctx, podsOn(ctx, name).filter(needsMark), async (pod) => {
    const bound = whyBound(pod, workloadOf(ctx, pod));
    const message = bound === undefined ? `Node ${name} does not answer.` : stays(name, bound);
    const conditions = withReady(pod, message, ctx.clock.now());
    await patchExactly(ctx, pods, pod, { status: { conditions: plain(conditions) } }, 'status');
    ctx.events.recordEvent({
      involvedObject: pod,
      type: 'Warning',
      // The same words as kube-controller-manager's, for a pod that is like any other there.
      reason: bound === undefined ? 'NodeNotReady' : reason,
      message: bound === undefined ? 'Node is not ready' : message,
    });
  });
}

function stays(node: string, why: string): string {
  return (
    `Node ${node} does not answer. The pod is not replaced elsewhere, because ${why} and may still ` +
    `run there. If the machine is off for good, say so: kubectl delete node ${node}, ` +
    `or kubectl taint node ${node} ${outOfServiceTaint}=:NoExecute`
  );
}

function needsMark(pod: Pod): boolean {
  const ready = findCondition(pod.status?.conditions, 'Ready');
  return isActive(pod) && ready?.reason !== reason && ready?.reason !== 'Stopped';
}

function withReady(pod: Pod, message: string, nowMs: number): readonly PodCondition[] {
  const before = pod.status?.conditions ?? [];
  const old = findCondition(before, 'Ready');
  const since = old?.status === 'False' ? old.lastTransitionTime : undefined;
  const lastTransitionTime = since ?? formatTime(nowMs);
  const ready: PodCondition = {
    type: 'Ready',
    status: 'False',
    reason,
    message,
    lastTransitionTime,
  };
  return [...before.filter(({ type }) => type !== 'Ready'), ready];
}
