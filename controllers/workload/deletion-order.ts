import type { Pod } from '../../api/kinds.gen.ts';
import { isReady, readySinceMs, restartsOf } from './pod-state.ts';

/**
 * The pods in the order in which they can best be spared: unbound, pending, not ready, several on
 * one node, ready for less long, restarted more often, newest.
 * Source: kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks.
 */
export function deletionOrder(pods: readonly Pod[]): Pod[] {
  const perNode = new Map<string, number>();
  for (const { spec } of pods) {
    const node = spec.nodeName ?? '';
    perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const keys = new Map(pods.map((pod) => [pod, sortKey(pod, perNode)] as const));
  return [...pods].sort((a, b) => compare(keys.get(a) ?? [], keys.get(b) ?? []) || byName(a, b));
}

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Lower goes first. */
function sortKey(pod: Pod, perNode: ReadonlyMap<string, number>): readonly number[] {
  const { spec, status, metadata } = pod;
  return [
    spec.nodeName === undefined ? 0 : 1,
    phaseOrder[status?.phase ?? 'Pending'] ?? 0,
    isReady(pod) ? 1 : 0,
    -(perNode.get(spec.nodeName ?? '') ?? 0),
    -readySinceMs(pod),
    -restartsOf(pod),
    -Date.parse(metadata.creationTimestamp ?? '1970-01-01T00:00:00Z'),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** So that the order never depends on that of a cache. */
function byName(a: Pod, b: Pod): number {
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
}
