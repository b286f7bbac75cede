/** ConfigMap and Secret: key rules, size, immutability, `stringData`. */

import { asObject, asString, at, child, equal } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, required, tooLong } from '../schema/field-error.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const maxBytes = 1_048_576;
const keyPattern = /^[-._a-zA-Z0-9]+$/;
const keyText =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or " +
  "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const immutableText = 'field is immutable when `immutable` is set';

export const configMapStrategy: Strategy = {
  ...plainStrategy,
  prepareForCreate: dropEmpty,
  prepareForUpdate: dropEmpty,
  validate(configMap, old) {
    const data = asObject(configMap['data']) ?? {};
    const binary = asObject(configMap['binaryData']) ?? {};
    const errors = [...keyErrors('data', data), ...keyErrors('binaryData', binary)];
    for (const key of Object.keys(data))
      if (key in binary)
        errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    const size = totalBytes(data, (text) => Buffer.byteLength(text)) + totalBytes(binary, decoded);
    if (size > maxBytes) errors.push(tooLong('[]', maxBytes));
    return [...errors, ...immutableErrors(configMap, old, ['data', 'binaryData'])];
  },
};

export const secretStrategy: Strategy = {
  ...plainStrategy,
  typesFirst: true,
  selectableFields: { type: (secret) => asString(secret['type']) },
  prepareForCreate: mergeStringData,
  prepareForUpdate: mergeStringData,
  warn(secret) {
    if (secret['type'] !== 'kubernetes.io/tls') return [];
    const certificate = textOf(at(secret, 'data', 'tls.crt'));
    if (certificate.includes('-----BEGIN CERTIFICATE-----')) return [];
    return ['tls: failed to find any PEM data in certificate input'];
  },
  validate(secret, old) {
    const data = asObject(secret['data']) ?? {};
    const errors = keyErrors('data', data);
    if (totalBytes(data, decoded) > maxBytes) errors.push(tooLong('data', maxBytes));
    errors.push(...typeErrors(secret, data));
    if (old !== undefined && secret['type'] !== old['type'])
      errors.push(invalidValue('type', secret['type'], 'field is immutable'));
    return [...errors, ...immutableErrors(secret, old, ['data'])];
  },
};

/** Maps without entries are not stored. */
function dropEmpty(object: JsonObject): void {
  for (const field of ['data', 'binaryData'])
    if (Object.keys(asObject(object[field]) ?? { kept: '' }).length === 0) delete object[field];
}

/** `stringData` is write-only: it is merged into `data` and never stored. */
function mergeStringData(secret: JsonObject): void {
  dropEmpty(secret);
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
const accountAnnotation = 'kubernetes.io/service-account.name';

function typeErrors(secret: JsonObject, data: JsonObject): FieldError[] {
  const type = asString(secret['type']);
  if (type === 'kubernetes.io/basic-auth') {
    // One of the two is enough.
    const given = ['username', 'password'].some((key) => data[key] !== undefined);
    return given ? [] : [required('data[username]'), required('data[password]')];
  }
  if (type === 'kubernetes.io/service-account-token') {
    const account = asString(at(secret, 'metadata', 'annotations', accountAnnotation));
    return account === '' ? [required(`metadata.annotations[${accountAnnotation}]`)] : [];
  }
  const missing = (requiredKeys[type] ?? []).filter((key) => data[key] === undefined);
  if (missing.length > 0) return missing.map((key) => required(`data[${key}]`));
  return dockerConfigErrors(type, data);
}

function dockerConfigErrors(type: string, data: JsonObject): FieldError[] {
  const key = {
    'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
    'kubernetes.io/dockercfg': '.dockercfg',
  }[type];
  if (key === undefined) return [];
  try {
    JSON.parse(textOf(data[key]));
    return [];
  } catch {
    const why = 'must be the JSON of a Docker configuration';
    return [invalidValue(`data[${key}]`, '<secret contents redacted>', why)];
  }
}

function textOf(base64: JsonValue | undefined): string {
  return Buffer.from(asString(base64), 'base64').toString('utf8');
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
