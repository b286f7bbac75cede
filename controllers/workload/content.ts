/** What the instances of a revision are made of, and its hash. Pure. */
import type { ControllerRevision, PodTemplateSpec, Workload } from '../../api/kinds.gen.ts';
import { templateHash } from './template-hash.ts';

export interface Content {
  readonly runtime: string;
  readonly template: PodTemplateSpec;
}

/** As the spec has it. */
export function contentOf({ spec }: Workload): Content {
  const { runtime = 'docker', template } = spec;
  return { runtime, template };
}

/** The runtime is part of it: another runtime is another pod. `collisions` makes another hash. */
export function contentHash({ runtime, template }: Content, collisions = 0): string {
  const pod = { ...template, spec: { ...template.spec, runtimeClassName: runtime } };
  return templateHash(collisions === 0 ? pod : { ...pod, collisions });
}

/** What a revision keeps; undefined when it is not one of ours. */
export function contentIn({ data }: ControllerRevision): Content | undefined {
  const spec = data?.['spec'] as Partial<Content> | undefined; // Checked below.
  if (spec?.template?.spec?.containers === undefined) return undefined;
  return { runtime: spec.runtime ?? 'docker', template: spec.template };
}
