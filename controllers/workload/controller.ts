import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Controller, defineController } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { OwnWrites } from '../kit/own-writes.ts';
import { reconcileByType } from './by-type.ts';
import { byWorkloadLabel, workloadLabelKeys } from './claim.ts';
import { ReplacementBackoff } from './replacement-backoff.ts';

/** Keeps the pods of every Workload as its spec says. */
export function workloadController({
  informers,
  clock,
}: {
  readonly informers: Informers;
  readonly clock: Clock;
}): Controller<Workload> {
  informers.index<Pod>(pods, byWorkloadLabel, workloadLabelKeys);
  const memory = {
    writes: new OwnWrites<Pod>(informers.for<Pod>(pods), clock),
    backoff: new ReplacementBackoff(clock),
  };
  return defineController<Workload>({
    name: 'workload-controller',
    for: workloads,
    owns: [pods],
    watches: [
      {
        // An orphan may be ours to adopt.
        resource: pods,
        keys: (object) => {
          const { namespace, labels } = object.metadata;
          const name = labels?.['berth.dev/workload'];
          return name === undefined ? [] : [`${namespace}/${name}`];
        },
      },
      {
        // Each and Fill count nodes, by their labels.
        resource: nodes,
        keys: () => informers.for<Workload>(workloads).list().filter(countsNodes).map(keyOf),
        matters: (object, old) => labelsOf(object) !== labelsOf(old),
      },
    ],
    reconcile: (_key, ctx) => reconcileByType(ctx, memory),
  });
}

function countsNodes({ spec }: Workload): boolean {
  const { perNode, nodes: limit } = spec.placement ?? {};
  return perNode !== undefined && limit === undefined;
}

function labelsOf({ metadata }: KubeObject): string {
  return JSON.stringify(metadata.labels ?? {});
}
