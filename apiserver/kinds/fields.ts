/** Reading loosely typed objects: what is not of the expected shape is absent. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';

export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? // Narrowed by the checks; readonly is given up for objects that the caller owns.
      (value as JsonObject)
    : undefined;
}

export function asArray(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

export function asString(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The value at a path of field names. */
export function at(object: JsonObject | undefined, ...path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const field of path) value = asObject(value)?.[field];
  return value;
}

/** The object at a field, created where it is missing. */
export function child(object: JsonObject, field: string): JsonObject {
  const present = asObject(object[field]);
  if (present !== undefined) return present;
  const created: JsonObject = {};
  object[field] = created;
  return created;
}

/** Deep equality of JSON values; field order does not matter, absent equals undefined. */
export function equal(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, i) => equal(value, b[i]));
  const left = asObject(a);
  const right = asObject(b);
  if (left === undefined || right === undefined || Array.isArray(a) || Array.isArray(b)) {
    // 1 and 1n are the same JSON number.
    return isNumber(a) && isNumber(b) && a == b;
  }
  const fields = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const field of fields) if (!equal(left[field], right[field])) return false;
  return true;
}

function isNumber(value: JsonValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
