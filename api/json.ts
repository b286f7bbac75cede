/** Reading and comparing JSON whose shape nobody has checked: what is not as expected reads as absent. */
import type { JsonObject, JsonValue } from './meta.ts';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Array.isArray` does not narrow readonly arrays out of a union. */
export function isArray(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}

/** The value if it is an object; it may be written to if the caller owns what it came from. */
export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** The items; none if it is no list. */
export function asArray(value: JsonValue | undefined): readonly JsonValue[] {
  return isArray(value) ? value : [];
}

/** The text; empty if it is none. */
export function asString(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The objects of a list. */
export function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return asArray(value).filter(isObject);
}

/** The value at a path of field names. */
export function at(
  object: JsonObject | undefined,
  ...path: readonly string[]
): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const field of path) value = own(asObject(value), field);
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

/** The field itself, never something inherited such as `constructor`. */
export function own<T>(
  fields: Readonly<Record<string, T>> | undefined,
  key: string,
): T | undefined {
  return fields !== undefined && Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** Deep equality; field order does not matter, absent equals undefined, 1 equals 1n. */
export function equal(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (isArray(a))
    return isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (isObject(a)) return isObject(b) && size(a) === size(b) && fieldsEqual(a, b);
  // Mixed numbers compare exactly by order only.
  return isNumber(a) && isNumber(b) && !(a < b) && !(a > b);
}

function fieldsEqual(a: JsonObject, b: JsonObject): boolean {
  for (const [key, value] of Object.entries(a))
    if (value !== undefined && !equal(value, own(b, key))) return false;
  return true;
}

function size(object: JsonObject): number {
  let count = 0;
  for (const value of Object.values(object)) if (value !== undefined) count += 1;
  return count;
}

function isNumber(value: JsonValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The merge patch (RFC 7396) that makes `after` of `before`: fields that are gone are named too, at any depth. */
export function mergePatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [own(before, key), own(after, key)];
    if (equal(was, is)) continue;
    patch[key] = isObject(was) && isObject(is) ? mergePatch(was, is) : (is ?? null);
  }
  return patch;
}

/** A copy that shares nothing; several times as fast as `structuredClone`. */
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
