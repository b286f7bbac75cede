/** Reads `crds/**\/*.yaml`: the only place where a kind is written down. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createLinker, type Linker, type SourceKind, type SourceSchema } from '../../crds/link.ts';

/** A CustomResourceDefinition manifest whose schema may refer to parts. */
export interface SourceCrd {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: SourceKind;
}

export interface Sources {
  /** By reference: `parts/probe.yaml#Probe`. */
  readonly parts: Readonly<Record<string, SourceSchema>>;
  readonly core: readonly SourceKind[];
  readonly virtual: readonly SourceKind[];
  readonly berth: readonly SourceCrd[];
  readonly linker: Linker;
}

export function readSources(directory: string): Sources {
  const parts: Record<string, SourceSchema> = {};
  for (const [file, content] of readFolder<Record<string, SourceSchema>>(directory, 'parts'))
    for (const [name, schema] of Object.entries(content))
      parts[`${file}#${name}`] = tellIgnored(schema);
  const only = <T>(folder: string) =>
    readFolder<T>(directory, folder).map(([, content]) => content);
  return {
    parts,
    core: only<SourceKind>('core'),
    virtual: only<SourceKind>('virtual'),
    berth: only<SourceCrd>('berth'),
    linker: createLinker(parts),
  };
}

function readFolder<T>(directory: string, folder: string): [file: string, content: T][] {
  return readdirSync(join(directory, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => [
      `${folder}/${name}`,
      parse(readFileSync(join(directory, folder, name), 'utf8'), { uniqueKeys: true }),
    ]);
}

/** Says of each field that is kept and not acted on that this is so. */
function tellIgnored(schema: SourceSchema): SourceSchema {
  const { description, properties, items } = schema;
  const ignored = schema['x-berth-ignored'] === true && description !== undefined;
  return {
    ...schema,
    ...(ignored ? { description: `${description} Kept, and not acted on yet.` } : {}),
    ...(items === undefined ? {} : { items: tellIgnored(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [name, tellIgnored(property)]),
          ),
        }),
  };
}
