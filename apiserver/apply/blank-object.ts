/**
 * What an object of a built-in kind holds before anybody has set anything: structs that are always
 * there and lists that must be. Nobody owns these by creating the object. Custom objects begin empty.
 * Source: the zero values of upstream's Go types, which its field manager starts a create from.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { entries, isObject } from './values.ts';

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Structs that are absent until defaulting puts an empty one there. */
const pointers = new Set(['io.k8s.api.core.v1.PodSecurityContext']);

const known = new WeakMap<Schema, JsonObject>();

/** Computed once per schema; do not change it. */
export function blankObject(schema: Schema): JsonObject {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const blank: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = blankValue(property, schema.required?.includes(name) ?? false);
    if (value !== undefined) blank[name] = value;
  }
  known.set(schema, blank);
  return blank;
}

function blankValue(schema: Schema, required: boolean): JsonValue | undefined {
  const { default: fallback, type, properties } = schema;
  const definition = schema['x-berth-definition'] ?? '';
  const filled = isObject(fallback) && entries(fallback).length === 0 && !pointers.has(definition);
  if (filled || definition === objectMeta) return blankObject(schema);
  switch (type) {
    case 'array':
      return required ? null : undefined;
    case 'object':
      return required && properties === undefined ? null : undefined;
    case undefined:
      return undefined;
    default:
      return schema['x-berth-proto-optional'] === true ? undefined : zero(schema);
  }
}

/** A zero that was written out is the same as nothing. */
function zero({ type, format }: Schema): JsonValue {
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return 0;
  return format === 'date-time' || format === 'micro-time' ? null : '';
}
