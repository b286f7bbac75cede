/** `api/kinds.gen.ts`: the TypeScript of every kind and of every part that has a name. */
import { compile } from 'json-schema-to-typescript';
import { formatApiVersion } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { Sources } from './sources.ts';
import { banner } from './text.ts';

const objectMeta = { from: './meta.ts', as: 'ObjectMeta' };

/** Types written by hand, because code without any kind in mind needs them. */
const handWritten: Readonly<Record<string, { readonly from: string; readonly as: string }>> = {
  ObjectMeta: objectMeta,
  OwnerReference: { from: './meta.ts', as: 'OwnerReference' },
  ManagedFieldsEntry: { from: './meta.ts', as: 'ManagedFieldsEntry' },
  Condition: { from: './meta.ts', as: 'Condition' },
  JSONSchemaProps: { from: './schema.ts', as: 'Schema' },
};

/** Where two definitions end in the same word. */
const renamed: Readonly<Record<string, string>> = { 'io.k8s.api.core.v1.Volume': 'PodVolume' };

/** What json-schema-to-typescript reads; `tsType` is taken as it stands. */
interface TypeSchema {
  readonly type?: 'object';
  readonly tsType?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
}

export async function typesFile(sources: Sources): Promise<string> {
  const definitions = new Map<string, TypeSchema>();
  for (const ref of Object.keys(sources.parts)) visit(sources.linker.part(ref), definitions);
  const kinds = [
    ...sources.core.map((spec) => ({ spec, stored: true })),
    ...sources.berth.map(({ spec }) => ({ spec, stored: true })),
    ...sources.virtual.map((spec) => ({ spec, stored: false })),
  ];
  for (const { spec, stored } of kinds) {
    const version = spec.versions[0];
    if (version === undefined) throw new Error(`${spec.names.plural} has no version`);
    const schema = sources.linker.schema(version.schema.openAPIV3Schema);
    visit(schema, definitions);
    const apiVersion = formatApiVersion(spec.group, version.name);
    definitions.set(
      spec.names.kind,
      kindType(schema, { apiVersion, kind: spec.names.kind, stored }),
    );
  }
  const sorted = [...definitions].sort(([a], [b]) => (a < b ? -1 : 1));
  const all = { title: 'Unused', type: 'object' as const, definitions: Object.fromEntries(sorted) };
  // Its JSONSchema4 does not know readonly arrays.
  const text = await compile(structuredClone(all) as Parameters<typeof compile>[0], 'Unused', {
    additionalProperties: false,
    bannerComment: '',
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 100 },
  });
  return banner + imports(text) + tidied(text);
}

/** Adds the type of `schema` and of everything named below it. */
function visit(schema: Schema, definitions: Map<string, TypeSchema>): void {
  const name = nameOf(schema);
  if (name !== undefined && definitions.has(name)) return;
  if (name !== undefined && handWritten[name] === undefined && schema.properties !== undefined)
    definitions.set(name, objectType(schema));
  for (const property of Object.values(schema.properties ?? {})) visit(property, definitions);
  if (schema.items !== undefined) visit(schema.items, definitions);
  if (typeof schema.additionalProperties === 'object')
    visit(schema.additionalProperties, definitions);
}

function nameOf(schema: Schema): string | undefined {
  const definition = schema['x-berth-definition'];
  return definition === undefined ? undefined : (renamed[definition] ?? lastWord(definition));
}

function lastWord(definition: string): string | undefined {
  return definition.split('.').at(-1);
}

function objectType(schema: Schema): TypeSchema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => [
    name,
    described(property, typeOf(property)),
  ]);
  return {
    ...described(schema),
    type: 'object',
    required: schema.required ?? [],
    additionalProperties: false,
    properties: Object.fromEntries(properties),
  };
}

/** A kind's root: literal `apiVersion` and `kind`; `metadata` always, `spec` where it always is. */
function kindType(
  schema: Schema,
  of: { readonly apiVersion: string; readonly kind: string; readonly stored: boolean },
): TypeSchema {
  const base = objectType(schema);
  const anyGroup = of.kind === 'DeleteOptions';
  const spec = schema.properties?.['spec'];
  return {
    ...base,
    properties: {
      ...base.properties,
      apiVersion: { tsType: anyGroup ? 'string' : `'${of.apiVersion}'` },
      kind: { tsType: `'${of.kind}'` },
      ...(schema.properties?.['metadata'] === undefined
        ? {}
        : { metadata: { tsType: objectMeta.as } }),
    },
    required: [
      ...(anyGroup ? [] : ['apiVersion', 'kind']),
      ...(of.stored ? ['metadata'] : []),
      ...(of.stored && spec?.default !== undefined ? ['spec'] : []),
      ...(base.required ?? []),
    ],
  };
}

function described({ description }: Schema, tsType?: string): TypeSchema {
  return {
    ...(description === undefined ? {} : { description }),
    ...(tsType === undefined ? {} : { tsType }),
  };
}

function typeOf(schema: Schema): string {
  const name = nameOf(schema);
  if (name !== undefined && handWritten[name] !== undefined) return handWritten[name].as;
  if (name !== undefined && schema.properties !== undefined) return name;
  const nullable = schema.nullable === true ? ' | null' : '';
  if (schema.enum !== undefined)
    return schema.enum.map((v) => `'${String(v)}'`).join(' | ') + nullable;
  if (schema['x-kubernetes-int-or-string'] === true) return `number | string${nullable}`;
  return baseType(schema) + nullable;
}

function baseType(schema: Schema): string {
  switch (schema.type) {
    case 'string':
    case 'boolean':
      return schema.type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array': {
      const item = typeOf(schema.items ?? {});
      return item.includes('|') ? `readonly (${item})[]` : `readonly ${item}[]`;
    }
    default:
      return mapType(schema);
  }
}

function mapType({ additionalProperties, properties, ...schema }: Schema): string {
  if (properties !== undefined)
    throw new Error(`an object without x-berth-definition: ${Object.keys(properties).join()}`);
  if (typeof additionalProperties === 'object')
    return `Readonly<Record<string, ${typeOf(additionalProperties)}>>`;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return `Readonly<Record<string, ${open ? 'unknown' : 'never'}>>`;
}

/** Import lines for the hand-written types that `text` mentions. */
function imports(text: string): string {
  const byFile = new Map<string, string[]>();
  for (const { from, as } of Object.values(handWritten)) {
    if (new RegExp(`\\b${as}\\b`).test(text)) byFile.set(from, [...(byFile.get(from) ?? []), as]);
  }
  const lines = [...byFile].map(
    ([from, names]) => `import type { ${names.sort().join(', ')} } from '${from}';\n`,
  );
  return `${lines.join('')}\n`;
}

/** Readonly fields, and comments without what the compiler adds of its own. */
function tidied(text: string): string {
  return text
    .replace(/export interface Unused \{\}\n/, '')
    .replace(/^ \*\n \* This interface was referenced by .*\n \* via the .*\n/gm, '')
    .replace(/^( *)\/\*\*\n *\* (.{1,90})\n *\*\/$/gm, '$1/** $2 */')
    .replace(/^\}\n(?=\/\*\*|export)/gm, '}\n\n')
    .replace(/^ {2}(['"]?[\w$-]+['"]?\??: )/gm, '  readonly $1');
}
