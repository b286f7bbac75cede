/** Questions about JSON values that every part of apply asks. */
import type { JsonValue } from '../../api/meta.ts';

/** A map: not null, not a list. */
export function isObject(
  value: JsonValue | undefined,
): value is { readonly [field: string]: JsonValue | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list; `Array.isArray` does not narrow readonly arrays. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Anything that is neither null, list nor map. */
export function isScalar(
  value: JsonValue | undefined,
): value is string | number | bigint | boolean {
  return value !== null && value !== undefined && typeof value !== 'object';
}

/** Deep equality; absent fields and `undefined` are the same, a bigint equals the same number. */
export function equal(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (isList(a)) {
    if (!isList(b) || a.length !== b.length) return false;
    return a.every((item, i) => equal(item, b[i]));
  }
  if (isObject(a)) {
    if (!isObject(b) || size(a) !== size(b)) return false;
    return Object.entries(a).every(([key, value]) => value === undefined || equal(value, b[key]));
  }
  // Mixed numbers compare exactly by order only.
  return isNumber(a) && isNumber(b) && !(a < b) && !(a > b);
}

/** Fields that have a value. */
export function entries(
  object: { readonly [field: string]: JsonValue | undefined } | undefined,
): [string, JsonValue][] {
  if (object === undefined) return [];
  const found: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(object)) {
    if (value !== undefined) found.push([key, value]);
  }
  return found;
}

/** Own fields only, so that a key such as `constructor` finds nothing. */
export function field(
  object: { readonly [field: string]: JsonValue | undefined } | undefined,
  name: string,
): JsonValue | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Order of characters, not of a language. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isNumber(value: JsonValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function size(object: { readonly [field: string]: JsonValue | undefined }): number {
  return Object.values(object).filter((value) => value !== undefined).length;
}
