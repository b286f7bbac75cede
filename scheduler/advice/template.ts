/** An instance as a controller would make it, as far as the scheduler looks at it. Pure. */
import type { Pod, Workload } from '../../api/kinds.gen.ts';

/** `uid`: of the Workload that is there already, whose instances count as its own. */
export function instanceOf(workload: Workload, uid: string | undefined): Pod {
  const { metadata, spec } = workload;
  const { namespace = '', name = '' } = metadata;
  const owner = uid ?? metadata.uid ?? `workload/${namespace}/${name}`;
  const { labels = {}, annotations = {} } = spec.template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...labels, 'berth.dev/workload': name },
      annotations,
      ownerReferences: [
        { apiVersion: 'berth.dev/v1', kind: 'Workload', name, uid: owner, controller: true },
      ],
    },
    spec: { ...spec.template.spec, runtimeClassName: spec.runtime ?? 'docker' },
  };
}
