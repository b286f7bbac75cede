/**
 * Objects inside of objects (`x-kubernetes-embedded-resource`): they must say what they are.
 * Source: apiextensions-apiserver v0.36 `pkg/apiserver/schema/objectmeta/validation.go`.
 */

import { isArray, isObject, own } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { validateDns1035Label } from '../../api/names.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { child, invalidValue, required } from './field-error.ts';
import { hasEmbedded } from './has-embedded.ts';
import { additionalSchema } from './json-kinds.ts';
import { readMeta } from './meta-fields.ts';
import { validateObjectMeta } from './object-meta.ts';

/**
 * The errors of all embedded objects below `value`; not of `value` itself unless its schema says
 * so.
 */
export function validateEmbedded(value: JsonValue, schema: Schema, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  walk(value, schema, path, errors);
  return errors;
}

function walk(
  value: JsonValue,
  schema: Schema | undefined,
  path: string,
  errors: FieldError[],
): void {
  if (schema === undefined || !hasEmbedded(schema)) return;
  if (isArray(value)) {
    for (const [i, item] of value.entries()) walk(item, schema.items, `${path}[${i}]`, errors);
  } else if (isObject(value)) {
    if (schema['x-kubernetes-embedded-resource'] === true) checkEmbedded(value, path, errors);
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      const known = own(schema.properties, key);
      if (known !== undefined) walk(field, known, child(path, key), errors);
      else walk(field, additionalSchema(schema), `${path}[${key}]`, errors);
    }
  }
}

function checkEmbedded(value: JsonObject, path: string, errors: FieldError[]): void {
  const { apiVersion, kind, metadata } = value;
  if (apiVersion === undefined) errors.push(required(child(path, 'apiVersion')));
  if (kind === undefined) errors.push(required(child(path, 'kind')));
  if (apiVersion !== undefined)
    errors.push(...checkApiVersion(apiVersion, child(path, 'apiVersion')));
  if (kind !== undefined) errors.push(...checkKind(kind, child(path, 'kind')));
  if (metadata !== undefined) errors.push(...checkMetadata(metadata, child(path, 'metadata')));
}

function checkApiVersion(value: JsonValue, field: string): FieldError[] {
  if (typeof value !== 'string') return [invalidValue(field, value, 'must be a string')];
  if (value === '') return [invalidValue(field, value, 'must not be empty')];
  if (value.split('/').length <= 2) return [];
  return [invalidValue(field, value, `unexpected GroupVersion string: ${value}`)];
}

function checkKind(value: JsonValue, field: string): FieldError[] {
  if (typeof value !== 'string') return [invalidValue(field, value, 'must be a string')];
  if (value === '') return [invalidValue(field, value, 'must not be empty')];
  const problems = validateDns1035Label(value.toLowerCase());
  if (problems.length === 0) return [];
  const detail = `may have mixed case, but should otherwise match: ${problems.join(',')}`;
  return [invalidValue(field, value, detail)];
}

function checkMetadata(metadata: JsonValue, field: string): FieldError[] {
  const { meta, mistake } = readMeta(metadata);
  if (mistake !== undefined) return [invalidValue(field, metadata, mistake)];
  // The name may be left out: whoever makes an object of this will give it one.
  const name = meta['name'] === undefined || meta['name'] === '' ? 'fakename' : meta['name'];
  const namespaced = meta['namespace'] !== undefined && meta['namespace'] !== '';
  return validateObjectMeta({ ...meta, name }, { namespaced, nameRule: 'path', path: field });
}
