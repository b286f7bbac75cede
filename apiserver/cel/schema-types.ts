/**
 * What a structural schema's values are to expressions: their types and, on demand, the values.
 * Source: apiextensions-apiserver `pkg/apiserver/schema/cel/model`, apiserver `pkg/cel/common`.
 */
import { equal, isArray } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { parseDuration, parseTimestamp } from './library/time.ts';
import { dyn, type ObjectType, scalar, type Type } from './types.ts';
import { CelError, ListValue, MapValue, type ObjectValue, type Value } from './values.ts';

/** No request is larger, so no text or list is longer. */
const maxRequestBytes = 3 * 1024 * 1024;

interface Sized {
  readonly type: Type;
  /** The least bytes that a value takes in a request. */
  readonly minBytes: number;
}

const known = new WeakMap<Schema, Map<boolean, Sized | undefined>>();

/** `undefined` for values that nothing is known of: expressions cannot see them. */
export function schemaType(schema: Schema, root = false): Type | undefined {
  return sized(schema, root)?.type;
}

/** How many such values a request may hold at most. */
export function maxCount(schema: Schema, root: boolean): number {
  return Math.floor(maxRequestBytes / ((sized(schema, root)?.minBytes ?? 1) + 1));
}

function sized(schema: Schema, root: boolean): Sized | undefined {
  const whole = root || schema['x-kubernetes-embedded-resource'] === true;
  const remembered = known.get(schema) ?? new Map<boolean, Sized | undefined>();
  known.set(schema, remembered);
  if (!remembered.has(whole)) remembered.set(whole, make(schema, whole));
  return remembered.get(whole);
}

function make(schema: Schema, whole: boolean): Sized | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) return { type: dyn, minBytes: 1 };
  switch (schema.type) {
    case 'array':
      return listType(schema);
    case 'object':
      return objectType(schema, whole);
    case 'string':
      return stringType(schema);
    case 'boolean':
      return { type: scalar('bool'), minBytes: 4 };
    case 'number':
      return { type: scalar('double'), minBytes: 1 };
    case 'integer':
      return { type: scalar('int'), minBytes: 1 };
    default:
      return whole ? objectType(schema, whole) : undefined;
  }
}

function listType({ items, maxItems }: Schema): Sized | undefined {
  const item = items === undefined ? undefined : sized(items, false);
  if (item === undefined) return undefined;
  const maxSize = maxItems ?? Math.floor((maxRequestBytes - 2) / (item.minBytes + 1));
  return { type: { kind: 'list', element: item.type, maxSize }, minBytes: 2 };
}

function objectType(schema: Schema, whole: boolean): Sized | undefined {
  const { additionalProperties: additional } = schema;
  if (typeof additional === 'object') {
    const value = sized(additional, false);
    if (value === undefined) return undefined;
    const maxSize =
      schema.maxProperties ?? Math.floor((maxRequestBytes - 2) / (value.minBytes + 6));
    const type: Type = { kind: 'map', key: scalar('string'), value: value.type, maxSize };
    return { type, minBytes: 2 };
  }
  const fields = new Map<string, Type>();
  let minBytes = 2;
  const properties = whole ? { ...metaProperties, ...narrowed(schema) } : schema.properties;
  for (const [name, property] of Object.entries(properties ?? {})) {
    const field = sized(property, false);
    if (field === undefined) continue;
    for (const each of namesIn(name)) fields.set(each, field.type);
    if (schema.required?.includes(name) === true && property.default === undefined)
      minBytes += name.length + field.minBytes + 4;
  }
  const type: ObjectType = { kind: 'object', name: 'object', fields };
  return { type, minBytes };
}

const text: Schema = { type: 'string' };
const metaProperties: Readonly<Record<string, Schema>> = {
  apiVersion: text,
  kind: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

/** Of metadata a schema may only narrow the names. */
function narrowed({ properties = {} }: Schema): Readonly<Record<string, Schema>> {
  const { metadata } = properties;
  const merged = { ...metaProperties['metadata']?.properties, ...metadata?.properties };
  return { ...properties, metadata: { type: 'object', properties: merged } };
}

function stringType(schema: Schema): Sized {
  const { format, maxLength } = schema;
  const longest = maxRequestBytes - 2;
  switch (format) {
    case 'byte':
      return { type: { kind: 'bytes', maxSize: maxLength ?? longest }, minBytes: 2 };
    case 'duration':
      return { type: scalar('duration'), minBytes: 4 };
    case 'date':
      return { type: scalar('timestamp'), minBytes: 12 };
    case 'date-time':
      return { type: scalar('timestamp'), minBytes: 22 };
  }
  // Lengths count characters, and one may take four bytes.
  const enumerated = (schema.enum ?? []).map((each) => JSON.stringify(each ?? null).length);
  const limit =
    maxLength !== undefined
      ? maxLength * 4
      : enumerated.length > 0
        ? Math.max(...enumerated)
        : longest;
  return { type: { kind: 'string', maxSize: limit }, minBytes: 2 };
}

const celReserved = new Set(
  (
    'true false null in as break const continue else for function if import let loop package ' +
    'namespace return var void while'
  ).split(' '),
);

const signs: readonly (readonly [string, string])[] = [
  ['__', '__underscores__'],
  ['.', '__dot__'],
  ['-', '__dash__'],
  ['/', '__slash__'],
];

/** A property's name as expressions write it; `undefined` when they cannot. */
export function escapeName(name: string): string | undefined {
  if (celReserved.has(name)) return `__${name}__`;
  if (!/^[a-zA-Z_][a-zA-Z0-9_./-]*$/.test(name)) return undefined;
  // Underscores come first, so that the words for the others are not escaped again.
  return signs.reduce((escaped, [sign, word]) => escaped.replaceAll(sign, word), name);
}

/** Words of the language may stand after a dot as they are, but for those that are literals. */
function namesIn(name: string): readonly string[] {
  const escaped = escapeName(name);
  if (escaped === undefined) return [];
  const selectable = celReserved.has(name) && !literalWords.has(name);
  return selectable ? [escaped, name] : [escaped];
}

const literalWords = new Set(['true', 'false', 'null', 'in']);

/** A value as expressions see it. Throws `CelError` where it does not fit the schema. */
export function schemaValue(value: JsonValue, schema: Schema, root = false): Value {
  if (value === null) {
    if (schema.nullable === true) return null;
    throw new CelError('invalid data, got null for schema with nullable=false');
  }
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'number' ? BigInt(Math.trunc(value)) : (value as string | bigint);
  if (isArray(value)) return listValue(value, schema);
  if (typeof value === 'object') {
    const whole = root || schema['x-kubernetes-embedded-resource'] === true;
    // What is no array is an object; the compiler cannot see it for readonly arrays.
    return mapOrObject(value as JsonObject, schema, whole);
  }
  if (typeof value === 'string') return stringValue(value, schema);
  if (typeof value === 'boolean') return value;
  if (schema.type === 'number') return Number(value);
  return typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
}

function stringValue(value: string, { format }: Schema): Value {
  switch (format) {
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'));
    case 'duration':
      return parseDuration(value);
    case 'date':
      return parseTimestamp(`${value}T00:00:00Z`);
    case 'date-time':
      return parseTimestamp(value.toUpperCase());
    default:
      return value;
  }
}

function listValue(values: readonly JsonValue[], schema: Schema): ListValue {
  const { items = {} } = schema;
  const made = values.map((each) => schemaValue(each, items));
  if (schema['x-kubernetes-list-type'] === 'set')
    return new ListValue(made, (item) => keyText(item));
  if (schema['x-kubernetes-list-type'] !== 'map') return new ListValue(made);
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const names = keys.map((key) => escapeName(key) ?? key);
  return new ListValue(made, (item) =>
    names.map((name) => keyText((item as ObjectValue).field(name) ?? null)).join('\n'),
  );
}

function keyText(value: Value): string {
  if (value instanceof ListValue) return `[${value.items.map(keyText).join(',')}]`;
  return `${typeof value} ${String(value)}`;
}

function mapOrObject(value: JsonObject, schema: Schema, whole: boolean): Value {
  const { additionalProperties: additional } = schema;
  if (typeof additional !== 'object') return new SchemaObject(value, schema, whole);
  return new MapValue(
    Object.entries(value).map(
      ([key, each]) => [key, schemaValue(each ?? null, additional)] as const,
    ),
  );
}

/** Fields are converted when an expression asks for them, once. */
class SchemaObject implements ObjectValue {
  readonly objectType = 'object';
  readonly #value: JsonObject;
  readonly #properties: Readonly<Record<string, Schema>>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #made = new Map<string, Value>();

  constructor(value: JsonObject, schema: Schema, whole: boolean) {
    this.#value = value;
    this.#properties = whole
      ? { ...metaProperties, ...narrowed(schema) }
      : (schema.properties ?? {});
    this.#names = namesOf(schema, this.#properties);
  }

  field(name: string): Value | undefined {
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const key = this.#names.get(name);
    const schema = key === undefined ? undefined : this.#properties[key];
    const value = key === undefined ? undefined : this.#value[key];
    if (schema === undefined || value === undefined) return undefined;
    // Upstream does not see it either.
    if (value === null && schema['x-kubernetes-int-or-string'] === true) return undefined;
    const converted = schemaValue(value, schema);
    this.#made.set(name, converted);
    return converted;
  }

  fieldNames(): readonly string[] {
    return [...this.#names]
      .filter(([, key]) => this.#value[key] !== undefined)
      .map(([name]) => name);
  }

  get size(): number {
    return Object.keys(this.#value).length;
  }

  sameUnknown(other: ObjectValue): boolean {
    return other instanceof SchemaObject && equal(this.#unknown(), other.#unknown());
  }

  #unknown(): JsonObject {
    const visible = new Set(this.#names.values());
    return Object.fromEntries(Object.entries(this.#value).filter(([key]) => !visible.has(key)));
  }
}

const nameCache = new WeakMap<Schema, ReadonlyMap<string, string>>();

/** Escaped name → name. */
function namesOf(
  schema: Schema,
  properties: Readonly<Record<string, Schema>>,
): ReadonlyMap<string, string> {
  const remembered = nameCache.get(schema);
  if (remembered !== undefined) return remembered;
  const names = new Map<string, string>();
  for (const name of Object.keys(properties)) {
    for (const each of namesIn(name)) names.set(each, name);
  }
  nameCache.set(schema, names);
  return names;
}
