/** How many instances a Workload is to have. */
import type { Node, WorkloadSpec } from './kinds.gen.ts';

/** Each and Fill count per node: on `nodes` of them, or on all that the node selector names. */
export function desiredCount(spec: WorkloadSpec, nodes: readonly Pick<Node, 'metadata'>[]): number {
  const { strategy, perNode, nodes: limit } = spec.placement ?? {};
  const counts = strategy === 'Each' || strategy === 'Fill';
  if (!counts || (perNode === undefined && limit === undefined)) return spec.replicas ?? 1;
  return (perNode ?? 1) * (limit ?? selectedNodes(spec, nodes));
}

function selectedNodes(
  { template }: WorkloadSpec,
  nodes: readonly Pick<Node, 'metadata'>[],
): number {
  const wanted = Object.entries(template.spec.nodeSelector ?? {});
  return nodes.filter(({ metadata }) =>
    wanted.every(([label, value]) => metadata.labels?.[label] === value),
  ).length;
}
