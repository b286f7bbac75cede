/** Which pods may be replaced elsewhere while nobody knows whether they still run. Pure. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { OwnerReference } from '../../api/meta.ts';
import { reservationAnnotation } from '../../api/reservation-refs.ts';
import { workloads } from '../../api/resources.gen.ts';

/**
 * Why the pod must not be replaced before somebody confirms that it is gone; `undefined` when a second
 * one of its kind does no harm. `workload` is the one that its reference names.
 */
export function whyBound(pod: Pod, workload: Workload | undefined): string | undefined {
  const { annotations = {} } = pod.metadata;
  const owner = controllerOf(pod);
  if (owner === undefined) return 'it has no controller that would replace it';
  if (!isWorkload(owner)) return `its controller is a ${owner.kind}`;
  if (workload === undefined || workload.metadata.uid !== owner.uid) {
    return 'its workload is not there';
  }
  const { identity, placement } = workload.spec;
  if (identity === 'Stable') return 'its identity is Stable';
  if (annotations[reservationAnnotation] !== undefined) return 'it has a reserved address';
  if (hasVolume(pod)) return 'it has a volume';
  if (annotations['berth.dev/running'] === 'false') return 'it is stopped';
  if (placement?.perNode !== undefined && placement.nodes === undefined) {
    return 'its workload counts per node';
  }
  return undefined;
}

/** The key of the workload that controls the pod. */
export function workloadKeyOf(pod: Pod): string | undefined {
  const owner = controllerOf(pod);
  if (owner === undefined || !isWorkload(owner)) return undefined;
  return `${pod.metadata.namespace}/${owner.name}`;
}

function controllerOf({ metadata }: Pod): OwnerReference | undefined {
  return metadata.ownerReferences?.find((each) => each.controller);
}

function isWorkload({ apiVersion, kind }: OwnerReference): boolean {
  return kind === workloads.kind && apiVersion.startsWith(`${workloads.group}/`);
}

function hasVolume({ spec }: Pod): boolean {
  return (spec.volumes ?? []).some(
    ({ persistentVolumeClaim, ephemeral }) =>
      persistentVolumeClaim !== undefined || ephemeral !== undefined,
  );
}
