/**
 * Request bodies of `application/vnd.kubernetes.protobuf`, as client-go sends them for built-in
 * kinds, in the JSON form; driven by the `x-berth-proto*` words of the schemas.
 * Source: Kubernetes API concepts, "Protobuf encoding"; protobuf.dev, "Encoding"; k8s.io/api (1.32).
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { ProtoInline, Schema } from '../../api/schema.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import { ProtobufReader, type Tag, WireFormatError } from '../../lib/protobuf-reader.ts';
import { readIntOrString, readQuantity, readRaw, readTime } from './protobuf-values.ts';

export interface DecodedProtobuf {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: JsonObject;
}

/** Messages nested deeper than this are refused. */
export const maxProtobufDepth = 100;

const magic = [0x6b, 0x38, 0x73, 0x00];

/** Throws `StatusError` 400: not this format, damaged, or a kind that `lookup` does not know. */
export function decodeProtobuf(
  bytes: Uint8Array,
  lookup: (apiVersion: string, kind: string) => { readonly schema: Schema } | undefined,
): DecodedProtobuf {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const found = lookup(apiVersion, kind);
    if (found === undefined) {
      throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
    }
    const object: JsonObject = { kind, apiVersion };
    readMessage(found.schema, new ProtobufReader(raw), object, 0);
    return { apiVersion, kind, object };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (!(error instanceof WireFormatError)) throw error;
    throw new StatusError(400, 'BadRequest', `proto: ${error.message}`, undefined, {
      cause: error,
    });
  }
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** `runtime.Unknown`: the kind, and the object's own message. */
function readEnvelope(bytes: Uint8Array): Envelope {
  if (magic.some((byte, i) => bytes[i] !== byte)) {
    const prefix = magic.join(' ');
    throw badRequest(
      `provided data does not appear to be a protobuf message, expected prefix [${prefix}]`,
    );
  }
  const reader = new ProtobufReader(bytes, magic.length);
  let type = { apiVersion: '', kind: '' };
  let raw: Uint8Array = new Uint8Array();
  while (!reader.done) {
    const tag = reader.tag();
    if (tag.wireType !== 2 || tag.field > 4) {
      reader.skip(tag.wireType);
    } else if (tag.field === 1) {
      type = readTypeMeta(reader.message());
    } else if (tag.field === 2) {
      raw = reader.bytes();
    } else if (tag.field === 3) {
      if (reader.text() !== '') throw badRequest('encoded protobuf bodies are not supported');
    } else {
      const contentType = reader.text();
      if (contentType !== '' && contentType !== 'application/vnd.kubernetes.protobuf') {
        throw badRequest(`protobuf body holds ${JSON.stringify(contentType)}`);
      }
    }
  }
  if (type.kind === '') throw badRequest("Object 'Kind' is missing in protobuf body");
  if (type.apiVersion === '') throw badRequest("Object 'apiVersion' is missing in protobuf body");
  return { ...type, raw };
}

function readTypeMeta(reader: ProtobufReader): { apiVersion: string; kind: string } {
  const type = { apiVersion: '', kind: '' };
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (wireType === 2 && field === 1) type.apiVersion = reader.text();
    else if (wireType === 2 && field === 2) type.kind = reader.text();
    else reader.skip(wireType);
  }
  return type;
}

/** Where the fields of a message go. */
interface Plan {
  readonly fields: ReadonlyMap<number, { readonly name: string; readonly schema: Schema }>;
  /** Nested messages whose fields stand in the same JSON object. */
  readonly inline: ReadonlyMap<number, Plan>;
  readonly required: ReadonlySet<string>;
}

const plans = new WeakMap<Schema, Plan>();

function planOf(schema: Schema): Plan {
  const known = plans.get(schema);
  if (known !== undefined) return known;
  const inlines = schema['x-berth-proto-inline'] ?? [];
  const moved = new Set(inlines.flatMap(fieldsWithin));
  const properties = Object.entries(schema.properties ?? {});
  const required = new Set(schema.required ?? []);
  const part = (isIn: (name: string) => boolean): Plan['fields'] => {
    const fields = new Map<number, { name: string; schema: Schema }>();
    for (const [name, property] of properties) {
      const number = property['x-berth-proto'];
      if (number !== undefined && isIn(name)) fields.set(number, { name, schema: property });
    }
    return fields;
  };
  const plansOf = (each: readonly ProtoInline[]): Map<number, Plan> =>
    new Map(
      each.map(({ number, fields, inline = [] }) => {
        const names = new Set(fields);
        return [number, { fields: part((n) => names.has(n)), inline: plansOf(inline), required }];
      }),
    );
  const inline = plansOf(inlines);
  const plan: Plan = { fields: part((name) => !moved.has(name)), inline, required };
  plans.set(schema, plan);
  return plan;
}

function fieldsWithin({ fields, inline = [] }: ProtoInline): readonly string[] {
  return [...fields, ...inline.flatMap(fieldsWithin)];
}

function readMessage(
  schema: Schema,
  reader: ProtobufReader,
  into: JsonObject,
  depth: number,
): void {
  readFields(planOf(schema), reader, into, depth);
}

function readFields(plan: Plan, reader: ProtobufReader, into: JsonObject, depth: number): void {
  if (depth > maxProtobufDepth) throw new WireFormatError('exceeded max depth');
  while (!reader.done) {
    const tag = reader.tag();
    const inline = plan.inline.get(tag.field);
    const field = plan.fields.get(tag.field);
    if (inline !== undefined && tag.wireType === 2) {
      readFields(inline, reader.message(), into, depth + 1);
    } else if (field !== undefined) {
      readField(field, { reader, tag, depth, into, required: plan.required.has(field.name) });
    } else {
      reader.skip(tag.wireType);
    }
  }
}

interface Place {
  readonly reader: ProtobufReader;
  readonly tag: Tag;
  readonly depth: number;
  readonly into: JsonObject;
  readonly required: boolean;
}

function readField(field: { readonly name: string; readonly schema: Schema }, place: Place): void {
  const { name, schema } = field;
  const { reader, tag, depth, into } = place;
  const before = into[name];
  if (schema.type === 'array' && schema['x-berth-proto-items'] === undefined) {
    const list = listOf(before);
    for (const item of readItems(schema.items ?? {}, place)) list.push(item);
    into[name] = list;
    return;
  }
  if (isMap(schema)) {
    const map = objectOf(before);
    readEntry(schema, expectMessage(reader, tag), map, depth + 1);
    into[name] = map;
    return;
  }
  if (isStruct(schema)) {
    const object = objectOf(before);
    readMessage(schema, expectMessage(reader, tag), object, depth + 1);
    into[name] = object;
    return;
  }
  const value = readValue(schema, place);
  // Values that are no pointers upstream are always written: zero says nothing.
  const said = schema['x-berth-proto-optional'] === true || place.required;
  if (value !== undefined && (said || !isZero(value))) into[name] = value;
  else delete into[name];
}

function isMap({ type, properties, additionalProperties }: Schema): boolean {
  return type === 'object' && properties === undefined && typeof additionalProperties === 'object';
}

function isStruct({ type, properties }: Schema): boolean {
  return type === 'object' && properties !== undefined;
}

function isZero(value: JsonValue): boolean {
  return value === '' || value === 0 || value === false;
}

/** One item, or several when numbers are packed. */
function readItems(items: Schema, place: Place): JsonValue[] {
  const { reader, tag } = place;
  const number = items.type === 'integer' || items.type === 'number' || items.type === 'boolean';
  if (!number || tag.wireType !== 2) {
    const item = readValue(items, place);
    return item === undefined ? [] : [item];
  }
  const packed = reader.message();
  const wireType = items.type === 'number' ? 1 : 0;
  const values: JsonValue[] = [];
  while (!packed.done) {
    const each = { ...place, reader: packed, tag: { ...tag, wireType } as const };
    values.push(readScalar(items, each));
  }
  return values;
}

/** Entries of maps are messages {key = 1, value = 2}; what is missing is empty. */
function readEntry(schema: Schema, reader: ProtobufReader, map: JsonObject, depth: number): void {
  const values = schema.additionalProperties;
  if (typeof values !== 'object') return;
  let key = '';
  let value: JsonValue | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag.field === 1 && tag.wireType === 2) key = reader.text();
    else if (tag.field === 2) {
      value = readValue(values, { reader, tag, depth, into: {}, required: true });
    } else reader.skip(tag.wireType);
  }
  if (key === '__proto__') throw new WireFormatError('illegal map key');
  map[key] = value ?? emptyOf(values);
}

function emptyOf({ type }: Schema): JsonValue {
  if (type === 'object') return {};
  if (type === 'array') return [];
  if (type === 'integer' || type === 'number') return 0;
  return type === 'boolean' ? false : '';
}

/** A value of any type; `undefined` for a time that is not set. */
function readValue(schema: Schema, place: Place): JsonValue | undefined {
  const { reader, tag, depth } = place;
  if (depth > maxProtobufDepth) throw new WireFormatError('exceeded max depth');
  switch (schema.format) {
    case 'date-time':
      return readTime(expectMessage(reader, tag), 0);
    case 'micro-time':
      return readTime(expectMessage(reader, tag), 6);
    case 'quantity':
      return readQuantity(expectMessage(reader, tag));
    case 'int-or-string':
      return readIntOrString(expectMessage(reader, tag));
    case 'fields-v1':
      return readRaw(expectMessage(reader, tag));
  }
  if (isMap(schema)) {
    const map: JsonObject = {};
    readEntry(schema, expectMessage(reader, tag), map, depth + 1);
    return map;
  }
  if (isStruct(schema)) {
    const object: JsonObject = {};
    readMessage(schema, expectMessage(reader, tag), object, depth + 1);
    return object;
  }
  if (schema.type === 'object') return readRaw(expectMessage(reader, tag));
  if (schema.type === 'array') return readWrappedItems(schema, place);
  return readScalar(schema, place);
}

/** A list that is a message of its own. */
function readWrappedItems(schema: Schema, place: Place): JsonValue[] {
  const inner = expectMessage(place.reader, place.tag);
  const values: JsonValue[] = [];
  while (!inner.done) {
    const tag = inner.tag();
    if (tag.field !== schema['x-berth-proto-items']) inner.skip(tag.wireType);
    else {
      const each = { ...place, reader: inner, tag, depth: place.depth + 1 };
      for (const item of readItems(schema.items ?? {}, each)) values.push(item);
    }
  }
  return values;
}

function readScalar(schema: Schema, { reader, tag }: Place): JsonValue {
  switch (schema.type) {
    case 'integer':
      expect(tag, 0);
      return schema.format === 'int32' ? Number(BigInt.asIntN(32, reader.int())) : int(reader);
    case 'boolean':
      expect(tag, 0);
      return reader.int() !== 0n;
    case 'number':
      if (tag.wireType !== 1 && tag.wireType !== 5) throw wrongWireType(tag);
      return reader.fixed(tag.wireType);
    default:
      expect(tag, 2);
      return schema.format === 'byte' ? base64(reader.bytes()) : reader.text();
  }
}

function int(reader: ProtobufReader): number | bigint {
  const value = reader.int();
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function expectMessage(reader: ProtobufReader, tag: Tag): ProtobufReader {
  expect(tag, 2);
  return reader.message();
}

function expect(tag: Tag, wireType: number): void {
  if (tag.wireType !== wireType) throw wrongWireType(tag);
}

function wrongWireType({ field, wireType }: Tag): WireFormatError {
  return new WireFormatError(`wrong wireType = ${wireType} for field ${field}`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  const object = typeof value === 'object' && value !== null && !Array.isArray(value);
  // Only this file put it there, so it is a map that may be written to.
  return object ? (value as JsonObject) : {};
}
