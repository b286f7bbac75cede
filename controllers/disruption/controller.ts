import type { Node, Pod, PodDisruptionBudget, Workload } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { nodes, podDisruptionBudgets, pods, workloads } from '../../api/resources.gen.ts';
import { type Controller, defineController } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { byNamespace, namespaceOf, reconcileBudget, selects } from './reconcile.ts';

/** Keeps the status of every PodDisruptionBudget: how many of its pods may be evicted. */
export function disruptionController({
  informers,
}: {
  readonly informers: Informers;
}): Controller<PodDisruptionBudget> {
  informers.index<PodDisruptionBudget>(podDisruptionBudgets, byNamespace, namespaceOf);
  informers.index<Pod>(pods, byNamespace, namespaceOf);
  informers.index<Workload>(workloads, byUid, ({ metadata }) => [metadata.uid ?? '']);
  const budgets = informers.for<PodDisruptionBudget>(podDisruptionBudgets);
  const inNamespace = ({ metadata }: KubeObject) =>
    budgets.byIndex(byNamespace, metadata.namespace ?? '');
  return defineController<PodDisruptionBudget>({
    name: 'disruption-controller',
    for: podDisruptionBudgets,
    watches: [
      {
        resource: pods,
        keys: (pod) =>
          inNamespace(pod)
            .filter((budget) => selects(budget, pod.metadata.labels))
            .map(keyOf),
      },
      { resource: workloads, keys: (workload) => inNamespace(workload).map(keyOf) },
      {
        // Each and Fill count nodes, by their labels.
        resource: nodes,
        keys: () => budgets.list().map(keyOf),
        matters: (node, old) => labelsOf(node) !== labelsOf(old),
      },
    ],
    reconcile: (_key, ctx) =>
      reconcileBudget(ctx, (uid) => ({
        workload: informers.for<Workload>(workloads).byIndex(byUid, uid)[0],
        nodes: informers.for<Node>(nodes).list(),
      })),
  });
}

const byUid = 'uid';

function labelsOf({ metadata }: KubeObject): string {
  return JSON.stringify(metadata.labels ?? {});
}
