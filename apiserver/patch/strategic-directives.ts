/** The words of a strategic merge patch that are instructions and not fields. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { badRequest } from '../../api/status.ts';
import { isArray, isObject } from './detach.ts';

export const directive = '$patch';
const retainKeysDirective = '$retainKeys';
const setElementOrderPrefix = '$setElementOrder/';
const deleteFromListPrefix = '$deleteFromPrimitiveList/';

/** A patch of one object, taken apart. */
export interface Directives {
  readonly fields: JsonObject;
  /** All other fields of the object go. */
  readonly retainKeys: readonly string[] | undefined;
  /** Field → the order of its elements. */
  readonly orders: ReadonlyMap<string, JsonValue>;
  /** Field → the primitives to remove. */
  readonly deletions: ReadonlyMap<string, JsonValue>;
}

/** Sorts directives from fields; throws 400 when one is malformed. */
export function takeDirectives(patch: JsonObject): Directives {
  const fields: JsonObject = {};
  const orders = new Map<string, JsonValue>();
  const deletions = new Map<string, JsonValue>();
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || key === retainKeysDirective) continue;
    if (key.startsWith(setElementOrderPrefix)) {
      orders.set(keyAfter(key, 'invalid patch format of setElementOrder list'), value);
    } else if (key.startsWith(deleteFromListPrefix)) {
      deletions.set(keyAfter(key, 'invalid patch format of primitive list'), value);
    } else fields[key] = value;
  }
  return { fields, retainKeys: retainKeys(patch, fields), orders, deletions };
}

/**
 * What is left of a value that is new to the object: no directives, no nulls in objects, no deleted
 * entries. `undefined` when nothing is.
 */
export function withoutDirectives(value: JsonValue): JsonValue | undefined {
  if (isArray(value)) {
    return value
      .map((item) => (item === null ? null : withoutDirectives(item)))
      .filter((item) => item !== undefined);
  }
  if (!isObject(value)) return value;
  const marker = value[directive];
  if (marker === 'delete') return undefined;
  const keys = Object.keys(value);
  // An entry that says nothing but "replace" is an instruction to its list.
  if (marker === 'replace' && keys.length === 1) return undefined;
  const kept: JsonObject = {};
  for (const key of keys) {
    const field = value[key];
    if (field === undefined || field === null || isDirective(key)) continue;
    const inner = withoutDirectives(field);
    if (inner !== undefined) kept[key] = inner;
  }
  return kept;
}

function isDirective(key: string): boolean {
  return (
    key === directive ||
    key === retainKeysDirective ||
    key.startsWith(setElementOrderPrefix) ||
    key.startsWith(deleteFromListPrefix)
  );
}

function keyAfter(key: string, message: string): string {
  const parts = key.split('/');
  const field = parts[1];
  if (parts.length !== 2 || field === undefined) throw badRequest(message);
  return field;
}

function retainKeys(patch: JsonObject, fields: JsonObject): readonly string[] | undefined {
  const value = patch[retainKeysDirective];
  if (value === undefined) return undefined;
  if (!isArray(value)) throw badRequest(badRetainKeys);
  const keys = value.filter((item) => typeof item === 'string');
  const named = new Set(keys);
  const stray = Object.entries(fields).some(([key, field]) => field !== null && !named.has(key));
  if (stray) throw badRequest(badRetainKeys);
  return keys;
}

const badRetainKeys = 'invalid patch format of retainKeys';
