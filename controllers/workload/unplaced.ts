/** Instances that find no node: so many of a workload and no more. Pure. */
import { findCondition } from '../../api/conditions.ts';
import { isByNode, podsOfAll } from '../../api/desired-count.ts';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { isActive } from './pod-state.ts';

/** More would tell nobody anything new, and fill the store. */
export const unplacedMax = 500;

export interface Unplaced {
  readonly count: number;
  /** How many more may be made. */
  readonly room: number;
}

/** Those that the scheduler has found no node for; at others it has not looked yet. */
export function unplacedOf(
  { spec }: Workload,
  pods: readonly Pod[],
  nodes: readonly Node[],
): Unplaced {
  const count = pods.filter((pod) => isActive(pod) && isUnplaced(pod)).length;
  // They find their nodes together, when the last of them is there.
  const together = isByNode(spec) || spec.placement?.gang !== undefined;
  const most = together ? Math.max(unplacedMax, podsOfAll(nodes)) : unplacedMax;
  return { count, room: Math.max(most - count, 0) };
}

function isUnplaced({ spec, status }: Pod): boolean {
  const scheduled = findCondition(status?.conditions, 'PodScheduled');
  return !spec.nodeName && scheduled?.status === 'False' && scheduled.reason !== 'SchedulingGated';
}
