/** An instance as a controller would make it, as far as the scheduler looks at it. Pure. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { reservationAnnotation } from '../../api/reservation-refs.ts';
import { volumeName } from '../../api/volume.ts';

/**
 * `uid`: of the Workload that is there already, whose instances count as its own. `instance`: its name, where that is
 * known.
 */
export function instanceOf(
  workload: Workload,
  uid: string | undefined,
  instance = workload.metadata.name ?? '',
): Pod {
  const { metadata, spec } = workload;
  const { namespace = '', name = '' } = metadata;
  const owner = uid ?? metadata.uid ?? `workload/${namespace}/${name}`;
  const { labels = {}, annotations = {} } = spec.template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: instance,
      namespace,
      labels: { ...labels, 'berth.dev/workload': name },
      annotations:
        spec.addresses === undefined
          ? annotations
          : { ...annotations, [reservationAnnotation]: instance },
      ownerReferences: [
        { apiVersion: 'berth.dev/v1', kind: 'Workload', name, uid: owner, controller: true },
      ],
    },
    spec: {
      ...spec.template.spec,
      ...ownVolumes(workload, instance),
      runtimeClassName: spec.runtime ?? 'docker',
    },
  };
}

/** The volumes of its template, and those that are made for it. */
function ownVolumes({ spec }: Workload, instance: string): Pick<Pod['spec'], 'volumes'> {
  const { volumeClaimTemplates: templates = [], template } = spec;
  if (templates.length === 0) return {};
  const own = templates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: volumeName(name, instance) },
  }));
  return { volumes: [...(template.spec.volumes ?? []), ...own] };
}
