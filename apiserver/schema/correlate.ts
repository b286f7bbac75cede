/**
 * A value and the same part of the object before the change.
 * Source: apiserver `pkg/cel/common/equality.go`: lists are matched by their keys, other lists not.
 */
import { asObject, equal, isArray, own } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { fieldSchema } from './json-kinds.ts';

/** The old value of a field; `undefined` when there is none to compare with. */
export function oldField(
  old: JsonValue | undefined,
  schema: Schema,
  key: string,
): JsonValue | undefined {
  if (schema['x-kubernetes-map-type'] === 'atomic') return undefined;
  return own(asObject(old), key);
}

/** The old item with the same keys as `item`, in a list of type `map`. */
export function oldItem(
  old: JsonValue | undefined,
  schema: Schema,
  item: JsonValue,
): JsonValue | undefined {
  if (!isArray(old) || schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const wanted = asObject(item);
  const found = old.filter((each) => {
    const other = asObject(each);
    return keys.every((key) => equal(own(wanted, key), own(other, key)));
  });
  return keys.length > 0 ? found[0] : undefined;
}

/**
 * Whether the part of `value` that an error names, or something around it, is as it was before.
 * `field` is a path as errors show it: `spec.list[0].name`, `spec.map[key]`.
 */
export function isUnchanged(
  field: string,
  value: JsonValue,
  old: JsonValue,
  schema: Schema,
): boolean {
  let [rest, now, before, at]: [string, JsonValue, JsonValue | undefined, Schema | undefined] = [
    field,
    value,
    old,
    schema,
  ];
  for (;;) {
    if (before === undefined) return false;
    if (equal(now, before)) return true;
    if (rest === '' || at === undefined) return false;
    const next = step(rest, now, before, at);
    if (next === undefined) return false;
    [rest, now, before, at] = next;
  }
}

type Step = [string, JsonValue, JsonValue | undefined, Schema | undefined];

function step(rest: string, now: JsonValue, before: JsonValue, at: Schema): Step | undefined {
  if (isArray(now)) {
    const [whole = '', index] = /^\[(\d+)\]/.exec(rest) ?? [];
    const item = index === undefined ? undefined : now[Number(index)];
    if (item === undefined) return undefined;
    return [rest.slice(whole.length), item, oldItem(before, at, item), at.items];
  }
  const object = asObject(now);
  if (object === undefined) return undefined;
  const bare = rest.replace(/^\./, '');
  // Keys may hold dots themselves: the longest that fits is meant.
  const key = Object.keys(object)
    .filter((each) => bare.startsWith(each) || bare.startsWith(`[${each}]`))
    .sort((a, b) => b.length - a.length)[0];
  const field = key === undefined ? undefined : object[key];
  if (key === undefined || field === undefined) return undefined;
  const left = bare.slice(bare.startsWith('[') ? key.length + 2 : key.length);
  return [left, field, oldField(before, at, key), fieldSchema(at, key)];
}
