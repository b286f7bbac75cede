/** How the fake apiserver merges: RFC 7386, and a simple server-side apply with atomic lists. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue, KubeObject } from '../../api/meta.ts';

/** An object as plain JSON fields. */
export function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject; // Every stored object is JSON.
}

export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return isDeepStrictEqual(a, b);
}

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...target };
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    const old = result[field];
    if (value === null) delete result[field];
    else if (isObject(value)) result[field] = mergePatch(isObject(old) ? old : {}, value);
    else result[field] = value;
  }
  return result;
}

/** Puts the applied fields into the object; owner references and finalizers are merged as sets. */
export function applyFields(target: JsonObject, applied: JsonObject): JsonObject {
  const result: JsonObject = { ...target };
  for (const [field, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    const old = result[field];
    if (isObject(value)) result[field] = applyFields(isObject(old) ? old : {}, value);
    else if (keyedLists.has(field) && Array.isArray(value) && Array.isArray(old)) {
      const keys = new Set(value.map(elementKey));
      result[field] = [...old.filter((element) => !keys.has(elementKey(element))), ...value];
    } else result[field] = value;
  }
  return result;
}

/** Removes the fields that were applied before and are not any more. */
export function unapply(target: JsonObject, before: JsonObject, now: JsonObject): JsonObject {
  const result: JsonObject = { ...target };
  for (const [field, value] of Object.entries(before)) {
    const next = now[field];
    const current = result[field];
    if (isObject(value) && isObject(current)) {
      result[field] = unapply(current, value, isObject(next) ? next : {});
    } else if (next === undefined) delete result[field];
  }
  return result;
}

const keyedLists = new Set(['ownerReferences', 'finalizers']);

function elementKey(element: JsonValue): JsonValue | undefined {
  return isObject(element) ? element['uid'] : element;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
