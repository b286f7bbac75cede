/** JSON merge patch, RFC 7386. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { badRequest } from '../../api/status.ts';
import { detach, goTypeOf, isObject } from './detach.ts';

/** The patched object, sharing nothing with either input. A patch that is no object is 400. */
export function applyMergePatch(current: JsonObject, patch: JsonValue): JsonObject {
  if (!isObject(patch)) {
    const type = goTypeOf(patch);
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return detach(mergeObject(current, patch));
}

/** RFC 7386's `MergePatch` for any target; the result shares values with both. */
export function mergeValue(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  return mergeObject(isObject(target) ? target : {}, patch);
}

function mergeObject(target: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete merged[key];
    else merged[key] = mergeValue(Object.hasOwn(target, key) ? target[key] : undefined, value);
  }
  return merged;
}
