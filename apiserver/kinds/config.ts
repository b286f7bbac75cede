/** ConfigMap and Secret: key rules, size, immutability, `stringData`. */
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { asObject, asString, child, equal } from '../../api/json.ts';
import { forbiddenField, wrong } from './pod-spec.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const maxBytes = 1_048_576;
const keyPattern = /^[-._a-zA-Z0-9]+$/;
const keyText =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or " +
  "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const immutableText = 'field is immutable when `immutable` is set';

export const configMapStrategy: Strategy = {
  ...plainStrategy,
  validate(configMap, old) {
    const data = asObject(configMap['data']) ?? {};
    const binary = asObject(configMap['binaryData']) ?? {};
    const errors = [...keyErrors('data', data), ...keyErrors('binaryData', binary)];
    for (const key of Object.keys(data))
      if (key in binary)
        errors.push(
          invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'),
        );
    const size = totalBytes(data, (text) => Buffer.byteLength(text)) + totalBytes(binary, decoded);
    if (size > maxBytes) errors.push(tooLong(''));
    return [...errors, ...immutableErrors(configMap, old, ['data', 'binaryData'])];
  },
};

export const secretStrategy: Strategy = {
  ...plainStrategy,
  selectableFields: { type: (secret) => asString(secret['type']) },
  prepareForCreate: mergeStringData,
  prepareForUpdate: mergeStringData,
  validate(secret, old) {
    const data = asObject(secret['data']) ?? {};
    const errors = keyErrors('data', data);
    if (totalBytes(data, decoded) > maxBytes) errors.push(tooLong('data'));
    errors.push(...typeErrors(asString(secret['type']), data));
    if (old !== undefined && secret['type'] !== old['type'])
      errors.push(invalidValue('type', secret['type'], 'field is immutable'));
    return [...errors, ...immutableErrors(secret, old, ['data'])];
  },
};

/** `stringData` is write-only: it is merged into `data` and never stored. */
function mergeStringData(secret: JsonObject): void {
  const texts = asObject(secret['stringData']);
  if (texts === undefined) return;
  const data = child(secret, 'data');
  for (const [key, text] of Object.entries(texts))
    data[key] = Buffer.from(asString(text)).toString('base64');
  delete secret['stringData'];
}

/** The keys that well-known types must have. Source: Kubernetes "Secrets", types of Secret. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function typeErrors(type: string, data: JsonObject): FieldError[] {
  return (requiredKeys[type] ?? [])
    .filter((key) => data[key] === undefined)
    .map((key) => ({
      field: `data[${key}]`,
      type: 'FieldValueRequired',
      message: 'Required value',
    }));
}

function keyErrors(field: string, data: JsonObject): FieldError[] {
  return Object.keys(data)
    .filter((key) => !keyPattern.test(key) || key === '.' || key === '..')
    .map((key) => invalidValue(`${field}[${key}]`, key, keyText));
}

function immutableErrors(
  object: JsonObject,
  old: JsonObject | undefined,
  fields: readonly string[],
): FieldError[] {
  if (old?.['immutable'] !== true) return [];
  const errors: FieldError[] = [];
  if (object['immutable'] !== true) errors.push(forbiddenField('immutable', immutableText));
  for (const field of fields)
    if (!equal(asObject(object[field]) ?? {}, asObject(old[field]) ?? {}))
      errors.push(forbiddenField(field, immutableText));
  return errors;
}

function totalBytes(data: JsonObject, size: (text: string) => number): number {
  return Object.values(data).reduce<number>((sum, value) => sum + size(asString(value)), 0);
}

function decoded(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}

function tooLong(field: string): FieldError {
  return {
    field: field === '' ? '[]' : field,
    type: 'FieldValueTooLong',
    message: `Too long: may not be more than ${maxBytes} bytes`,
  };
}
