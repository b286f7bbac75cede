/**
 * Lists that are sets or maps may not hold anything twice.
 * Source: apiextensions-apiserver v0.32 `pkg/apiserver/schema/listtype/validation.go`.
 */

import { isArray, isObject, own } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { stringifyJson } from '../wire/json.ts';
import { child, duplicateValue, invalidValue } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';

/** One error for each element that repeats an earlier one, once per element that is repeated. */
export function validateListTypes(value: JsonValue, schema: Schema, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  if (isObject(value)) walk(value, schema, path, errors);
  return errors;
}

function walk(
  value: JsonValue,
  schema: Schema | undefined,
  path: string,
  errors: FieldError[],
): void {
  if (schema === undefined || !hasListTypes(schema)) return;
  if (isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set') checkSet(value, path, errors);
    if (type === 'map') checkMap(value, schema['x-kubernetes-list-map-keys'] ?? [], path, errors);
    for (const [i, item] of value.entries()) walk(item, schema.items, `${path}[${i}]`, errors);
  } else if (isObject(value)) {
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      const known = own(schema.properties, key);
      if (known !== undefined) walk(field, known, child(path, key), errors);
      else walk(field, additionalSchema(schema), `${path}[${key}]`, errors);
    }
  }
}

function checkSet(items: readonly JsonValue[], path: string, errors: FieldError[]): void {
  report(
    items.map((item) => [identity(item), item]),
    path,
    errors,
  );
}

function checkMap(
  items: readonly JsonValue[],
  keys: readonly string[],
  path: string,
  errors: FieldError[],
): void {
  const stray = items.findIndex((item) => item !== null && !isObject(item));
  const found = items[stray];
  if (found !== undefined) {
    const detail = 'must be an object for an array of list-type map';
    errors.push(invalidValue(`${path}[${stray}]`, found, detail));
    return;
  }
  const named = items.map((item) => {
    const key: JsonObject = {};
    for (const name of keys) {
      if (isObject(item) && Object.hasOwn(item, name)) key[name] = item[name];
    }
    return [identity(key), key] as const;
  });
  report(named, path, errors);
}

function report(
  items: readonly (readonly [string, JsonValue])[],
  path: string,
  errors: FieldError[],
): void {
  const seen = new Map<string, number>();
  for (const [i, [identity, value]] of items.entries()) {
    const times = (seen.get(identity) ?? 0) + 1;
    seen.set(identity, times);
    if (times === 2) errors.push(duplicateValue(`${path}[${i}]`, value));
  }
}

function identity(value: JsonValue): string {
  return typeof value === 'string' ? `"${value}` : stringifyJson(value, { sortKeys: true });
}

const known = new WeakMap<Schema, boolean>();

function hasListTypes(schema: Schema): boolean {
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const type = schema['x-kubernetes-list-type'];
  const additional = additionalSchema(schema);
  const found =
    type === 'set' ||
    type === 'map' ||
    Object.values(schema.properties ?? {}).some(hasListTypes) ||
    (schema.items !== undefined && hasListTypes(schema.items)) ||
    (additional !== undefined && hasListTypes(additional));
  known.set(schema, found);
  return found;
}
