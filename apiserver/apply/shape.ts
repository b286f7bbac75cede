/**
 * What apply needs to know of a schema: which forms a value may have and how lists and maps merge.
 * Source: kube-openapi `schemaconv` (1.32): how OpenAPI becomes a schema for structured merge.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';

/** A value has one of the forms that are present; most shapes have exactly one. */
export interface Shape {
  readonly scalar?: 'numeric' | 'string' | 'boolean' | 'untyped';
  readonly list?: ListShape;
  readonly map?: MapShape;
}

export interface ListShape {
  readonly merge: 'atomic' | 'set' | 'map';
  /** Of `map` lists. */
  readonly keys: readonly string[];
  item(): Shape;
}

export interface MapShape {
  readonly atomic: boolean;
  has(name: string): boolean;
  /** The shape of a declared field, or else of any other key; `undefined`: the field may not be. */
  child(name: string): Shape | undefined;
  /** The default of a declared field; it stands in for a missing key of a list item. */
  defaultOf(name: string): JsonValue | undefined;
  /** A map without declared fields and without a type for its values. */
  readonly untyped: boolean;
}

/** A value nobody described, merged as one: the whole of it has one owner. */
const opaque: Shape = {
  scalar: 'untyped',
  list: { merge: 'atomic', keys: [], item: () => opaque },
  map: {
    atomic: true,
    has: () => false,
    child: () => opaque,
    defaultOf: noDefault,
    untyped: false,
  },
};

/** A value nobody described, inside a kept map: maps merge field by field, lists as one. */
export const deduced: Shape = {
  scalar: 'untyped',
  list: { merge: 'atomic', keys: [], item: () => opaque },
  map: {
    atomic: false,
    has: () => false,
    child: () => deduced,
    defaultOf: noDefault,
    untyped: true,
  },
};

const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const rawExtension = 'io.k8s.apimachinery.pkg.runtime.RawExtension';

const plainShapes = new WeakMap<Schema, Shape>();
const preservingShapes = new WeakMap<Schema, Shape>();

/** The shape of values of `schema`; computed once per schema object. */
export function shapeOf(schema: Schema): Shape {
  return cached(schema, false);
}

function cached(schema: Schema, inherited: boolean): Shape {
  // Named parts are types of their own upstream: what their parent preserves does not reach them.
  const named = schema['x-berth-definition'] !== undefined;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true || (inherited && !named);
  const cache = preserve ? preservingShapes : plainShapes;
  const known = cache.get(schema);
  if (known !== undefined) return known;
  const shape = build(schema, preserve);
  cache.set(schema, shape);
  return shape;
}

function build(schema: Schema, preserve: boolean): Shape {
  if (schema['x-berth-definition'] === quantity) return { scalar: 'untyped' };
  if (schema['x-berth-definition'] === rawExtension) return opaque;
  switch (schema.type) {
    case 'object':
      return { map: mapShape(schema, preserve) };
    case 'array':
      return { list: listShape(schema, preserve) };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string': {
      const plain = schema.format === undefined || schema.format === 'byte';
      return { scalar: plain ? 'string' : 'untyped' };
    }
    default:
      return {
        scalar: 'untyped',
        list: listShape(schema, preserve),
        map: mapShape(schema, preserve),
      };
  }
}

function listShape(schema: Schema, preserve: boolean): ListShape {
  const { items } = schema;
  return {
    ...listMerge(schema),
    item: () => (items === undefined ? deduced : cached(items, preserve)),
  };
}

function listMerge(schema: Schema): Pick<ListShape, 'merge' | 'keys'> {
  const type = schema['x-kubernetes-list-type'];
  const mapKeys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (type !== undefined) return { merge: type, keys: type === 'map' ? mapKeys : [] };
  const strategies = schema['x-kubernetes-patch-strategy']?.split(',') ?? [];
  if (!strategies.includes('merge')) return { merge: 'atomic', keys: [] };
  const key = schema['x-kubernetes-patch-merge-key'];
  return key === undefined ? { merge: 'set', keys: [] } : { merge: 'map', keys: [key] };
}

function mapShape(schema: Schema, preserve: boolean): MapShape {
  const properties = schema.properties ?? {};
  const has = (name: string) => Object.hasOwn(properties, name);
  const other = otherFields(schema, preserve);
  return {
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    has,
    child: (name) => {
      const property = has(name) ? properties[name] : undefined;
      return property === undefined ? other() : cached(property, preserve);
    },
    defaultOf: (name) => (has(name) ? properties[name]?.default : undefined),
    untyped: Object.keys(properties).length === 0 && other() === deduced,
  };
}

function otherFields(schema: Schema, preserve: boolean): () => Shape | undefined {
  const { additionalProperties } = schema;
  if (additionalProperties === undefined) {
    const free = preserve || Object.keys(schema.properties ?? {}).length === 0;
    return () => (free ? deduced : undefined);
  }
  if (additionalProperties === true) return () => deduced;
  if (additionalProperties === false) return () => undefined;
  return () => cached(additionalProperties, preserve);
}

function noDefault(): undefined {
  return undefined;
}
