/** `crds/kinds.gen.ts`: the schemas as the server loads them. */
import type { Schema } from '../../api/schema.ts';
import { qualified } from '../../api/status.ts';
import type { SourceKind } from '../../crds/link.ts';
import type { Sources } from './sources.ts';
import { banner } from './text.ts';

export function kindsFile(sources: Sources): string {
  const parts = Object.entries(sources.parts).map(
    ([ref, schema]) => `  '${ref}': ${parsed(schema)},\n`,
  );
  const crds = sources.berth.map(
    ({ spec, ...crd }) => `  { ...${parsed(crd)}, spec: linker.crdKind(${parsed(spec)}) },\n`,
  );
  return `${banner}import type { CustomResourceDefinition } from '../api/kinds.gen.ts';
import type { KindDefinition, Schema } from '../api/schema.ts';
import { createLinker } from './link.ts';

const linker = createLinker({
${parts.join('')}});

/** Kinds of Kubernetes that are stored, in the form of a CustomResourceDefinition's \`spec\`. */
export const builtinKinds: readonly KindDefinition[] = [
${linked(sources.core)}];

/** Kinds that are only bodies of requests and answers. */
export const virtualKinds: readonly KindDefinition[] = [
${linked(sources.virtual)}];

/** Berth's own kinds, as manifests that go into the store like any user's. */
export const berthCrds: readonly CustomResourceDefinition[] = [
${crds.join('')}];

/** The \`metadata\` of every object. */
export const objectMetaSchema: Schema = linker.part('parts/meta.yaml#ObjectMeta');

/** The \`metadata\` of every list. */
export const listMetaSchema: Schema = linker.part('parts/meta.yaml#ListMeta');

/**
 * Fields that are kept and not acted on, by \`plural.group\` (plain plural in the core group), as
 * paths: \`spec.containers[].resizePolicy\`. What lies below such a field is ignored with it.
 */
export const ignoredFields: Readonly<Record<string, readonly string[]>> = ${parsed(ignored(sources))};
`;
}

function linked(kinds: readonly SourceKind[]): string {
  return kinds.map((kind) => `  linker.kind(${parsed(kind)}),\n`).join('');
}

/** Text is parsed faster than the object literal it stands for. */
function parsed(value: unknown): string {
  const text = JSON.stringify(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `JSON.parse('${text}')`;
}

function ignored({ core, berth, linker }: Sources): Record<string, string[]> {
  const paths: Record<string, string[]> = {};
  for (const kind of [...core, ...berth.map((crd) => crd.spec)]) {
    const found = kind.versions.flatMap((version) =>
      ignoredPaths(linker.schema(version.schema.openAPIV3Schema), ''),
    );
    const key = qualified({ group: kind.group, resource: kind.names.plural });
    if (found.length > 0) paths[key] = found;
  }
  return paths;
}

function ignoredPaths(schema: Schema, path: string): string[] {
  if (schema['x-berth-ignored'] === true) return [path];
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    ignoredPaths(property, path === '' ? name : `${path}.${name}`),
  );
  return schema.items === undefined
    ? below
    : [...below, ...ignoredPaths(schema.items, `${path}[]`)];
}
