/** What the instances of a revision are made of, and its hash. Pure. */
import type {
  ControllerRevision,
  PodTemplateSpec,
  Workload,
  WorkloadAddresses,
} from '../../api/kinds.gen.ts';
import { templateHash } from './template-hash.ts';

export interface Content {
  readonly runtime: string;
  readonly template: PodTemplateSpec;
  /** Absent: instances have the addresses that the runtime gives. */
  readonly addresses?: WorkloadAddresses;
}

/** As the spec has it. */
export function contentOf({ spec }: Workload): Content {
  const { runtime = 'docker', template, addresses } = spec;
  return { runtime, template, ...(addresses === undefined ? {} : { addresses }) };
}

/** Another runtime is another pod, and so is another pool. `collisions` makes another hash. */
export function contentHash({ runtime, template, addresses }: Content, collisions = 0): string {
  const pod = {
    ...template,
    spec: { ...template.spec, runtimeClassName: runtime },
    ...(addresses === undefined ? {} : { addresses }),
  };
  return templateHash(collisions === 0 ? pod : { ...pod, collisions });
}

/** What a revision keeps; undefined when it is not one of ours. */
export function contentIn({ data }: ControllerRevision): Content | undefined {
  const spec = data?.['spec'] as Partial<Content> | undefined; // Checked below.
  if (spec?.template?.spec?.containers === undefined) return undefined;
  const { runtime = 'docker', template, addresses } = spec;
  return { runtime, template, ...(addresses === undefined ? {} : { addresses }) };
}
