/** Walking values and schemas side by side. */

import { isArray, own } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';

/** The schema of a field: its own, or that of all further ones. */
export function fieldSchema(schema: Schema, key: string): Schema | undefined {
  return own(schema.properties, key) ?? additionalSchema(schema);
}

/** The schema of fields that `properties` does not name. */
export function additionalSchema({ additionalProperties }: Schema): Schema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** A copy that shares nothing. */
export function copyOf<T extends JsonValue>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  // The copy has the shape of the original.
  if (isArray(value)) return value.map(copyOf) as unknown as T;
  const copy: JsonObject = {};
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) copy[key] = copyOf(field);
  }
  return copy as T;
}
