import { findCondition } from '../../api/conditions.ts';
import { isByNode } from '../../api/desired-count.ts';
import type { ControllerRevision, Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { type KubeObject, keyOf } from '../../api/meta.ts';
import { runtimesOf } from '../../api/node-fit.ts';
import {
  configMaps,
  controllerRevisions,
  ipReservations,
  nodes,
  pods,
  secrets,
  volumes,
  workloads,
} from '../../api/resources.gen.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  byDependency,
  dependantsOf,
  dependencyKeys,
  neighbourKeys,
} from '../dependencies/await.ts';
import { leaveInOrder } from '../dependencies/hold.ts';
import { type Controller, defineController } from '../kit/controller.ts';
import type { Informers } from '../kit/informers.ts';
import { OwnWrites } from '../kit/own-writes.ts';
import { reconcileByType } from './by-type.ts';
import { byWorkloadLabel, workloadLabelKeys } from './claim.ts';
import { configRefs } from './config-refs.ts';
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
  informers.index<Workload>(workloads, byConfig, configKeys);
  informers.index<Workload>(workloads, byDependency, dependencyKeys);
  const revisions = informers.for<ControllerRevision>(controllerRevisions);
  const memory = {
    writes: new OwnWrites<Pod>(informers.for<Pod>(pods), clock),
    jobWrites: new OwnWrites<Workload>(informers.for<Workload>(workloads), clock),
    revisionWrites: new OwnWrites<ControllerRevision>(revisions, clock),
    backoff: new ReplacementBackoff(clock),
  };
  return defineController<Workload>({
    name: 'workload-controller',
    for: workloads,
    owns: [pods, controllerRevisions, configMaps, secrets, workloads, ipReservations],
    watches: [
      {
        // An orphan may be ours to adopt.
        resource: pods,
        keys: workloadOf,
      },
      {
        // What was made by hand, or came back from a backup, may have to grow.
        resource: volumes,
        keys: workloadOf,
        matters: ({ metadata }, old) => metadata.generation !== old.metadata.generation,
      },
      { resource: workloads, keys: (object) => neighbourKeys(informers, object) },
      ...[pods, configMaps, secrets].map((resource) => ({
        // What others wait for.
        resource,
        keys: (object: KubeObject) => dependantsOf(informers, object).map(keyOf),
      })),
      ...[configMaps, secrets].map((resource) => ({
        // What a template names is rolled out with it.
        resource,
        keys: (object: KubeObject) => {
          const id = `${resource.kind}/${keyOf(object)}`;
          return informers.for<Workload>(workloads).byIndex(byConfig, id).map(keyOf);
        },
      })),
      {
        // Each and Fill count the nodes that take instances.
        resource: nodes,
        keys: () => informers.for<Workload>(workloads).list().filter(countsNodes).map(keyOf),
        matters: (object, old) => traitsOf(object) !== traitsOf(old),
      },
    ],
    reconcile: (_key, ctx) => reconcileByType(ctx, memory),
    deleting: (_key, ctx) => leaveInOrder(ctx),
  });
}

/** By its label. */
function workloadOf({ metadata: { namespace, labels } }: KubeObject): readonly string[] {
  const name = labels?.['berth.dev/workload'];
  return name === undefined ? [] : [`${namespace}/${name}`];
}

/** Index of the workload informer: `kind/namespace/name` of the configuration that it names. */
const byConfig = 'config';

function configKeys({ metadata, spec }: Workload): readonly string[] {
  return configRefs(spec.template).map(
    ({ kind, name }) => `${kind}/${metadata.namespace ?? ''}/${name}`,
  );
}

function countsNodes({ spec }: Workload): boolean {
  return isByNode(spec) && spec.placement?.nodes === undefined;
}

/** All that decides whether a node takes an instance, and none of its heartbeats. */
function traitsOf(object: KubeObject): string {
  // What is watched here are nodes.
  const node = object as Node;
  const { metadata, spec = {}, status } = node;
  const ready = findCondition(status?.conditions, 'Ready')?.status;
  const { taints, unschedulable } = spec;
  return JSON.stringify([metadata.labels, taints, unschedulable, ready, runtimesOf(node)]);
}
