import type { KindDefinition, KindVersion, Schema } from '../api/schema.ts';

/** A schema as the sources have it: `$ref` names a part, and what stands beside it wins. */
export type SourceSchema = Omit<Schema, 'properties' | 'items' | 'additionalProperties'> & {
  /** `parts/probe.yaml#Probe`. */
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, SourceSchema>>;
  readonly items?: SourceSchema;
  readonly additionalProperties?: boolean | SourceSchema;
};

export type SourceVersion = Omit<KindVersion, 'schema'> & {
  readonly schema: { readonly openAPIV3Schema: SourceSchema };
};

export type SourceKind = Omit<KindDefinition, 'versions'> & {
  readonly versions: readonly SourceVersion[];
};

export interface Linker {
  /** One part with everything it refers to. */
  part(ref: string): Schema;
  schema(source: SourceSchema): Schema;
  kind(source: SourceKind): KindDefinition;
  /** The same without `x-berth-*` and what else a CustomResourceDefinition may not say. */
  crdKind(source: SourceKind): KindDefinition;
}

/**
 * Puts parts in the place of their references. Each part is built once, and whoever refers to it
 * shares its `properties`: PodSpec exists once in memory, however many kinds have one.
 */
export function createLinker(parts: Readonly<Record<string, SourceSchema>>): Linker {
  const linkedParts = new Map<string, Schema>();
  const strip = createStripper();

  function part(ref: string): Schema {
    const done = linkedParts.get(ref);
    if (done !== undefined) return done;
    const source = parts[ref];
    if (source === undefined) throw new Error(`no such part: ${ref}`);
    const linked = schema(source);
    linkedParts.set(ref, linked);
    return linked;
  }

  function schema({
    $ref,
    properties,
    items,
    additionalProperties,
    ...rest
  }: SourceSchema): Schema {
    return {
      ...($ref === undefined ? {} : part($ref)),
      ...rest,
      ...(properties === undefined ? {} : { properties: mapValues(properties, schema) }),
      ...(items === undefined ? {} : { items: schema(items) }),
      ...(additionalProperties === undefined
        ? {}
        : {
            additionalProperties:
              typeof additionalProperties === 'boolean'
                ? additionalProperties
                : schema(additionalProperties),
          }),
    };
  }

  function withSchemas(source: SourceKind, convert: (s: SourceSchema) => Schema): KindDefinition {
    const versions = source.versions.map((version) => ({
      ...version,
      schema: { openAPIV3Schema: convert(version.schema.openAPIV3Schema) },
    }));
    return { ...source, versions };
  }

  return {
    part,
    schema,
    kind: (source) => withSchemas(source, schema),
    crdKind: (source) => withSchemas(source, (s) => strip(schema(s))),
  };
}

/** Formats that only our own kinds know. */
const ownFormats = new Set(['quantity', 'int-or-string', 'micro-time', 'fields-v1']);

/** Copies schemas without our own words; what was shared stays shared. */
function createStripper(): (schema: Schema) => Schema {
  const strippedProperties = new Map<object, Readonly<Record<string, Schema>>>();

  function stripProperties(properties: Readonly<Record<string, Schema>>) {
    const done = strippedProperties.get(properties);
    if (done !== undefined) return done;
    const stripped = mapValues(properties, strip);
    strippedProperties.set(properties, stripped);
    return stripped;
  }

  function strip(schema: Schema): Schema {
    const kept = Object.entries(schema).filter(
      ([key, value]) =>
        !key.startsWith('x-berth-') &&
        !key.startsWith('x-kubernetes-patch-') &&
        !(key === 'format' && ownFormats.has(value)),
    );
    const { properties, items, additionalProperties, ...rest }: Schema = Object.fromEntries(kept);
    return {
      ...rest,
      ...(properties === undefined ? {} : { properties: stripProperties(properties) }),
      ...(items === undefined ? {} : { items: strip(items) }),
      ...(typeof additionalProperties === 'object'
        ? { additionalProperties: strip(additionalProperties) }
        : {}),
      ...(typeof additionalProperties === 'boolean' ? { additionalProperties } : {}),
    };
  }

  return strip;
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U) {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
