/** Request bodies: which format, and what object is in them. */

import { asObject } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatApiVersion } from '../../api/meta.ts';
import { badRequest, invalid, StatusError } from '../../api/status.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { virtualSchemas } from '../registry/virtual.ts';
import { applyDefaults, coerceMeta, validate } from '../schema/index.ts';
import { parseJson, stringifyJson } from '../wire/json.ts';
import { decodeProtobuf } from '../wire/protobuf.ts';
import { parseYaml } from '../wire/yaml.ts';

export interface DecodedBody {
  readonly object: JsonObject;
  /** Paths of keys that came twice. */
  readonly duplicates: readonly string[];
}

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

const formats: Readonly<Record<string, BodyFormat>> = {
  '': 'json',
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/** The media type without parameters, in lower case. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

export function bodyFormat(contentType: string | undefined, protobuf: boolean): BodyFormat {
  const format = formats[mediaType(contentType)];
  if (format === undefined || (format === 'protobuf' && !protobuf))
    throw unsupportedMediaType(Object.keys(formats).filter((each) => each !== ''));
  return format;
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

/** Decodes an object of `kind` and checks that it says so itself. */
export function decodeObject(
  bytes: Uint8Array,
  contentType: string | undefined,
  kind: ServedKind,
): DecodedBody {
  const format = bodyFormat(contentType, kind.builtin);
  if (format === 'protobuf') {
    const decoded = decodeProtobuf(bytes, (apiVersion, name) =>
      apiVersion === formatApiVersion(kind.group, kind.version) && name === kind.kind
        ? { schema: kind.schema }
        : undefined,
    );
    return { object: identified(decoded.object, kind, bytes), duplicates: [] };
  }
  const { value, duplicates } = parseText(bytes, format, kind);
  const object = asObject(value);
  if (object === undefined) throw unrecognized(kind, bytes, `cannot unmarshal ${nameOf(value)}`);
  return { object: identified(object, kind, bytes), duplicates };
}

/**
 * Decodes and checks a body that is not of a stored kind (DeleteOptions, Scale, reviews); `{}` when
 * empty. It may leave out what it is; if it says so, it must be a `kind`.
 */
export function decodePlain(
  bytes: Uint8Array,
  contentType: string | undefined,
  kind: string,
): JsonObject {
  if (bytes.length === 0) return {};
  const format = bodyFormat(contentType, true);
  const object = format === 'protobuf' ? plainProtobuf(bytes) : plainText(bytes, format);
  const given = object['kind'];
  if (given !== undefined && given !== '' && given !== kind)
    throw badRequest(
      `no kind ${stringifyJson(given)} is registered for version ${stringifyJson(object['apiVersion'] ?? '')} here: the body must be a ${kind}`,
    );
  checkPlain(object, kind);
  return object;
}

function plainProtobuf(bytes: Uint8Array): JsonObject {
  return decodeProtobuf(bytes, (_apiVersion, name) => {
    const schema = virtualSchemas[name];
    return schema === undefined ? undefined : { schema };
  }).object;
}

function plainText(bytes: Uint8Array, format: 'json' | 'yaml'): JsonObject {
  const { value } = parsed(bytes, format, (why) => badRequest(why));
  const object = asObject(value);
  if (object === undefined)
    throw badRequest(`the request body must be an object, not ${nameOf(value)}`);
  return object;
}

/** Brings metadata into shape and throws 400 for the first field of a wrong type or value. */
function checkPlain(object: JsonObject, kind: string): void {
  const schema = virtualSchemas[kind];
  if (schema === undefined) return;
  const { error } = coerceMeta(object, schema);
  applyDefaults(object, schema);
  const [wrong] = error === undefined ? validate(object, schema) : [error];
  if (wrong !== undefined) throw badRequest(`${kind}: ${wrong.field}: ${wrong.message}`);
}

function parseText(bytes: Uint8Array, format: 'json' | 'yaml', kind: ServedKind) {
  return parsed(bytes, format, (why) => unrecognized(kind, bytes, why));
}

function parsed(bytes: Uint8Array, format: 'json' | 'yaml', errorOf: (why: string) => StatusError) {
  try {
    return format === 'json' ? parseJson(bytes) : parseYaml(textOf(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw errorOf(`couldn't get version/kind; ${format} parse error: ${why}`);
  }
}

/** Built-in kinds may leave apiVersion and kind out; custom ones must say what they are. */
function identified(object: JsonObject, kind: ServedKind, bytes: Uint8Array): JsonObject {
  const apiVersion = formatApiVersion(kind.group, kind.version);
  if (object['kind'] === undefined || object['kind'] === '') {
    if (!kind.builtin)
      throw unrecognized(kind, bytes, `Object 'Kind' is missing in '${excerpt(bytes)}'`);
    object['kind'] = kind.kind;
  }
  if (object['apiVersion'] === undefined || object['apiVersion'] === '') {
    if (!kind.builtin)
      throw unrecognized(kind, bytes, `Object 'apiVersion' is missing in '${excerpt(bytes)}'`);
    object['apiVersion'] = apiVersion;
  }
  if (object['apiVersion'] !== apiVersion)
    throw badRequest(
      `the API version in the data (${object['apiVersion']}) does not match the expected API version (${apiVersion})`,
    );
  if (object['kind'] !== kind.kind) {
    if (kind.builtin)
      throw badRequest(
        `the kind in the data (${object['kind']}) does not match the expected kind (${kind.kind})`,
      );
    throw wrongKind(object, kind);
  }
  return object;
}

function wrongKind(object: JsonObject, kind: ServedKind): StatusError {
  const given = String(object['kind']);
  const name = asObject(object['metadata'])?.['name'];
  return invalid({ group: kind.group, kind: given }, typeof name === 'string' ? name : '', [
    {
      field: 'kind',
      type: 'FieldValueInvalid',
      message: `Invalid value: ${stringifyJson(given)}: must be ${kind.kind}`,
    },
  ]);
}

function unrecognized(kind: ServedKind, bytes: Uint8Array, why: string): StatusError {
  const shown = bytes.length === 0 ? '<empty>' : excerpt(bytes);
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind.kind}): ${why} (${shown})`,
  );
}

function excerpt(bytes: Uint8Array): string {
  const text = textOf(bytes.subarray(0, 200));
  return text.length > 120 ? `${text.slice(0, 120)} ...` : text;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
