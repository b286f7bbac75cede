/** The fields of `metadata` and their types, as Go's decoder sees them. */

import { isArray, isObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';

/** What came of reading `metadata`. */
export interface ReadMeta {
  /** Only known fields, only of the right type, without empty ones. */
  readonly meta: JsonObject;
  /** Names of fields that do not exist, as `bogus` or `ownerReferences[0].x`. */
  readonly unknown: readonly string[];
  /** The first value of a wrong type, in Go's words. */
  readonly mistake: string | undefined;
}

/** Reads `metadata` without changing it. */
export function readMeta(value: JsonValue): ReadMeta {
  if (value === null) return { meta: {}, unknown: [], mistake: undefined };
  if (!isObject(value)) {
    const mistake = `json: cannot unmarshal ${goType(value)} into Go value of type v1.ObjectMeta`;
    return { meta: {}, unknown: [], mistake };
  }
  const meta: JsonObject = {};
  const unknown: string[] = [];
  let mistake: string | undefined;
  for (const [key, field] of Object.entries(value)) {
    const type = Object.hasOwn(types, key) ? types[key] : undefined;
    if (field === undefined) continue;
    if (type === undefined) unknown.push(key);
    else {
      const problem = type(field, `ObjectMeta.${key}`, unknown, key);
      if (problem !== undefined) mistake ??= problem;
      else if (!isEmpty(field)) meta[key] = field;
    }
  }
  return { meta, unknown, mistake };
}

/** Returns what is wrong with a value, and notes unknown fields below it. */
type Type = (
  value: JsonValue,
  goField: string,
  unknown: string[],
  path: string,
) => string | undefined;

const text = simple('string', (value) => typeof value === 'string');
const truth = simple('bool', (value) => typeof value === 'boolean');
const int64 = simple('int64', isInteger);
const texts = listOf(text, 'string');

const time: Type = (value) => {
  if (value === null || value === '') return undefined;
  if (typeof value !== 'string') {
    return `json: cannot unmarshal ${goType(value)} into Go value of type string`;
  }
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)) return undefined;
  const quoted = JSON.stringify(value);
  return `parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`;
};

const textMap: Type = (value, goField) => {
  if (value === null) return undefined;
  if (!isObject(value)) return mismatch(value, goField, 'map[string]string');
  for (const field of Object.values(value)) {
    const wrong = field !== undefined && field !== null && typeof field !== 'string';
    if (wrong) return mismatch(field, goField, 'string');
  }
  return undefined;
};

const ownerReference = record('OwnerReference', {
  apiVersion: text,
  kind: text,
  name: text,
  uid: text,
  controller: truth,
  blockOwnerDeletion: truth,
});

const anyObject: Type = () => undefined;

const managedFields = record('ManagedFieldsEntry', {
  manager: text,
  operation: text,
  apiVersion: text,
  time,
  fieldsType: text,
  fieldsV1: anyObject,
  subresource: text,
});

const types: Readonly<Record<string, Type>> = {
  name: text,
  generateName: text,
  namespace: text,
  selfLink: text,
  uid: text,
  resourceVersion: text,
  generation: int64,
  creationTimestamp: time,
  deletionTimestamp: time,
  deletionGracePeriodSeconds: int64,
  labels: textMap,
  annotations: textMap,
  ownerReferences: listOf(ownerReference, 'v1.OwnerReference'),
  finalizers: texts,
  managedFields: listOf(managedFields, 'v1.ManagedFieldsEntry'),
};

function simple(goName: string, accepts: (value: JsonValue) => boolean): Type {
  return (value, goField) =>
    value === null || accepts(value) ? undefined : mismatch(value, goField, goName);
}

function listOf(item: Type, goName: string): Type {
  return (value, goField, unknown, path) => {
    if (value === null) return undefined;
    if (!isArray(value)) return mismatch(value, goField, `[]${goName}`);
    for (const [i, element] of value.entries()) {
      const problem = item(element, goField, unknown, `${path}[${i}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

function record(goName: string, fields: Readonly<Record<string, Type>>): Type {
  return (value, goField, unknown, path) => {
    if (value === null) return undefined;
    if (!isObject(value)) return mismatch(value, goField, `v1.${goName}`);
    for (const [key, field] of Object.entries(value)) {
      const type = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (field === undefined) continue;
      if (type === undefined) unknown.push(`${path}.${key}`);
      else {
        const problem = type(field, `${goField}.${key}`, unknown, `${path}.${key}`);
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  };
}

function isInteger(value: JsonValue): boolean {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

function mismatch(value: JsonValue, goField: string, goName: string): string {
  return `json: cannot unmarshal ${goType(value)} into Go struct field ${goField} of type ${goName}`;
}

function goType(value: JsonValue): string {
  if (isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'number';
  if (typeof value === 'number' && !Number.isInteger(value)) return `number ${value}`;
  return typeof value;
}

/** What Go leaves out when it writes metadata: all of its fields are `omitempty`. */
function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '' || value === 0) return true;
  if (isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
