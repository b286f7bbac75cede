/**
 * Sets the defaults of a schema, and drops nulls that nothing allows.
 * Source: Kubernetes apiextensions-apiserver v0.32, `pkg/apiserver/schema/defaulting/`.
 */

import { copyOf, isArray, isObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { additionalSchema, fieldSchema } from './json-kinds.ts';

/**
 * Edits `value` in place: absent fields, and nulls that are not allowed, get their default; nulls
 * that are neither allowed nor defaulted go. Parts of the schema without a default cost nothing but
 * the nulls.
 */
export function applyDefaults(value: JsonValue, schema: Schema): void {
  if (hasDefaults(schema)) setDefaults(value, schema);
  dropNulls(value, schema);
}

/** Only the first half of `applyDefaults`. */
export function setDefaults(value: JsonValue, schema: Schema | undefined): void {
  if (schema === undefined) return;
  if (isObject(value)) {
    const object: JsonObject = value;
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      if (!hasOwnDefault(property)) continue;
      const present = Object.hasOwn(value, key) ? value[key] : undefined;
      if (present === undefined || isForbiddenNull(present, property)) {
        object[key] = copyOf(property.default);
      }
    }
    const additional = additionalSchema(schema);
    for (const key of Object.keys(value)) {
      const field = value[key];
      const inner = fieldSchema(schema, key);
      if (field === undefined || inner === undefined) continue;
      const kept = inner === additional ? defaulted(field, inner) : field;
      if (kept !== field) object[key] = kept;
      if (hasDefaults(inner)) setDefaults(kept, inner);
    }
  } else if (isArray(value) && schema.items !== undefined) {
    for (const [i, item] of value.entries()) {
      const kept = defaulted(item, schema.items);
      if (kept !== item) value[i] = kept;
      setDefaults(kept, schema.items);
    }
  }
}

/** Only the second half of `applyDefaults`. Nulls in lists stay, for validation to refuse. */
export function dropNulls(value: JsonValue, schema: Schema | undefined): void {
  if (schema === undefined) return;
  if (isObject(value)) {
    const object: JsonObject = value;
    for (const key of Object.keys(object)) {
      const field = object[key];
      const inner = fieldSchema(schema, key);
      if (field === undefined || inner === undefined) continue;
      if (isForbiddenNull(field, inner) && !hasOwnDefault(inner)) delete object[key];
      else dropNulls(field, inner);
    }
  } else if (isArray(value)) {
    for (const item of value) dropNulls(item, schema.items);
  }
}

function defaulted(value: JsonValue, schema: Schema): JsonValue {
  if (!isForbiddenNull(value, schema) || !hasOwnDefault(schema)) return value;
  return copyOf(schema.default);
}

function isForbiddenNull(value: JsonValue, schema: Schema): boolean {
  return value === null && schema.nullable !== true;
}

function hasOwnDefault(schema: Schema): schema is Schema & { readonly default: JsonValue } {
  return schema.default !== undefined && schema.default !== null;
}

const known = new WeakMap<Schema, boolean>();

/** Whether there is a default at or below this schema; remembered, as schemas never change. */
function hasDefaults(schema: Schema): boolean {
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const additional = additionalSchema(schema);
  const found =
    hasOwnDefault(schema) ||
    Object.values(schema.properties ?? {}).some(hasDefaults) ||
    (schema.items !== undefined && hasDefaults(schema.items)) ||
    (additional !== undefined && hasDefaults(additional));
  known.set(schema, found);
  return found;
}
