/** Bodies that are never stored: DeleteOptions, Scale, Eviction, Binding, reviews. */
import type { Schema } from '../../api/schema.ts';
import { virtualKinds } from '../../crds/index.ts';

/** Schema by Kind, for decoding protobuf bodies. */
export const virtualSchemas: Readonly<Record<string, Schema>> = Object.fromEntries(
  virtualKinds.flatMap(({ names, versions }) => {
    const schema = versions[0]?.schema.openAPIV3Schema;
    return schema === undefined ? [] : [[names.kind, schema] as const];
  }),
);

/** Resources that answer a POST and store nothing: plural → Kind. */
export const reviewKinds: Readonly<Record<string, string>> = {
  selfsubjectaccessreviews: 'SelfSubjectAccessReview',
  subjectaccessreviews: 'SubjectAccessReview',
  localsubjectaccessreviews: 'LocalSubjectAccessReview',
  selfsubjectrulesreviews: 'SelfSubjectRulesReview',
  selfsubjectreviews: 'SelfSubjectReview',
  tokenreviews: 'TokenReview',
};

/** Resources of berth.dev that answer a POST and store nothing: plural → Kind. */
export const askedKinds: Readonly<Record<string, string>> = {
  plans: 'Plan',
  capacities: 'Capacity',
};

/** Resources of metrics.k8s.io, which are read and never stored: Kind → plural. */
export const metricPlurals: ReadonlyMap<string, string> = new Map([
  ['PodMetrics', 'pods'],
  ['NodeMetrics', 'nodes'],
]);

/** Resources of berth.dev that are read and never stored, by name only: Kind → plural. */
export const namePlurals: ReadonlyMap<string, string> = new Map([['Name', 'names']]);

/** Kind → plural of what is POSTed and not stored. */
export const postedPlurals: ReadonlyMap<string, string> = new Map(
  Object.entries({ ...reviewKinds, ...askedKinds }).map(([plural, kind]) => [kind, plural]),
);
