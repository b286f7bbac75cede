import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import { maxJsonDepth } from '../wire/json.ts';

/**
 * A deep copy, so that what a patch returns shares nothing with its inputs and may be edited in
 * place. Throws 422 when the value is nested deeper than a body may be, which patches can bring
 * about.
 */
export function detach<T extends JsonValue>(value: T, depth = 0): T {
  if (value === null || typeof value !== 'object') return value;
  if (depth > maxJsonDepth) throw unprocessable('the patched object is nested too deeply');
  // The copy has the shape of the original.
  return copy(value, depth) as T;
}

function copy(value: Exclude<JsonValue, string | number | bigint | boolean | null>, depth: number) {
  if (Array.isArray(value)) return value.map((item: JsonValue) => detach(item, depth + 1));
  const object: JsonObject = {};
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) object[key] = detach(field, depth + 1);
  }
  return object;
}

/**
 * A patch that is well formed but cannot be applied. Upstream's answer says nothing about why; the
 * cause does.
 * Source: kube-apiserver v1.36, recorded.
 */
export function unprocessable(why: string): StatusError {
  const message = 'the server rejected our request due to an error in our request';
  return new StatusError(422, 'Invalid', message, {}, { cause: new Error(why) });
}

/** Whether `value` is a JSON object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Array.isArray does not narrow readonly arrays out of a union. */
export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** What Go's decoder calls a value of the wrong type. */
export function goTypeOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'number';
    default:
      return typeof value;
  }
}
