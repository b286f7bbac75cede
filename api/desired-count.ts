/** How many instances a Workload is to have. */
import { findCondition } from './conditions.ts';
import type { Node, Pod, WorkloadSpec } from './kinds.gen.ts';
import { runtimesOf, selectsNode, takesNew } from './node-fit.ts';

/** What strategies that count by node look at. */
export interface NodeView {
  readonly nodes: readonly Node[];
  /** Names of the nodes that have an instance of the workload. */
  readonly occupied: ReadonlySet<string>;
}

/** Each and Fill count per node: on `nodes` of them, or on all that may have an instance. */
export function desiredCount(spec: WorkloadSpec, view: NodeView): number {
  const { perNode = 1, nodes: limit } = spec.placement ?? {};
  if (!isByNode(spec)) return spec.replicas ?? 1;
  return perNode * (limit ?? eligibleNodes(spec, view).size);
}

export function isByNode({ placement }: WorkloadSpec): boolean {
  const { strategy, perNode, nodes: limit } = placement ?? {};
  const counts = strategy === 'Each' || strategy === 'Fill';
  return counts && (perNode !== undefined || limit !== undefined);
}

/**
 * Names of the nodes where new ones may go, and of those where one is and still belongs: it does not go because of a
 * cordon, or while its node does not answer.
 */
export function eligibleNodes(
  { runtime = 'docker', template }: WorkloadSpec,
  { nodes, occupied }: NodeView,
): ReadonlySet<string> {
  const eligible = nodes.filter((node) => {
    if (!selectsNode(template.spec, node)) return false;
    if (occupied.has(node.metadata.name ?? '')) return true;
    return isReady(node) && runtimesOf(node).includes(runtime) && takesNew(template.spec, node);
  });
  return new Set(eligible.map(({ metadata }) => metadata.name ?? ''));
}

/** How many pods all nodes together can hold; infinity where one does not say. */
export function podsOfAll(nodes: readonly Pick<Node, 'status'>[]): number {
  const most = nodes.map(({ status }) => status?.allocatable?.['pods'] ?? Number.POSITIVE_INFINITY);
  return most.reduce<number>((sum, each) => sum + Number(each), 0);
}

/** The nodes that pods are on. */
export function nodesOf(pods: readonly Pod[]): ReadonlySet<string> {
  return new Set(pods.flatMap(({ spec }) => spec.nodeName || []));
}

function isReady({ status }: Node): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}
