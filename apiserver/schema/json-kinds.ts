/** Telling JSON values apart, where TypeScript's own narrowing gives up on readonly arrays. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lists of a request are ours to write to until they are stored. */
export function isArray(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}

/** The field itself, never something inherited such as `constructor`. */
export function own<T>(
  fields: Readonly<Record<string, T>> | undefined,
  key: string,
): T | undefined {
  return fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
}

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
