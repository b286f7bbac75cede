/**
 * What every object's metadata must obey.
 * Source: Kubernetes apimachinery v0.36 `pkg/api/validation/objectmeta.go`.
 */

import { isArray, isObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import {
  validateDns1123Label,
  validateDns1123Subdomain,
  validateLabelValue,
  validatePathSegment,
  validateQualifiedName,
} from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { child, forbiddenField, invalidValue, required, tooLong } from './field-error.ts';
import { validateOwnerReferences } from './owner-references.ts';

export interface ObjectMetaOptions {
  readonly namespaced: boolean;
  /**
   * What the name must be: a DNS-1123 subdomain (the default) or label, or anything that fits into
   * a path.
   */
  readonly nameRule?: 'subdomain' | 'label' | 'path';
  /** Built-in kinds: finalizers must be qualified names or the three well-known ones. */
  readonly builtin?: boolean;
  /** Where the metadata stands; default `metadata`. */
  readonly path?: string;
}

/** All annotations of an object, keys and values together. */
export const maxAnnotationBytes = 256 * 1024;

/** The errors of metadata that is to be created. */
export function validateObjectMeta(meta: JsonObject, options: ObjectMetaOptions): FieldError[] {
  const { namespaced, nameRule = 'subdomain', path = 'metadata' } = options;
  const rule = nameRules[nameRule];
  const { name, generateName, namespace } = meta;
  const errors: FieldError[] = [];
  if (typeof generateName === 'string' && generateName !== '') {
    const problems = rule(maskTrailingDash(generateName));
    errors.push(...problems.map((p) => invalidValue(child(path, 'generateName'), generateName, p)));
  }
  if (typeof name !== 'string' || name === '') {
    errors.push(required(child(path, 'name'), 'name or generateName is required'));
  } else errors.push(...rule(name).map((p) => invalidValue(child(path, 'name'), name, p)));
  errors.push(...validateNamespace(namespace, namespaced, child(path, 'namespace')));
  const { generation } = meta;
  if ((typeof generation === 'number' || typeof generation === 'bigint') && generation < 0) {
    const detail = 'must be greater than or equal to 0';
    errors.push(invalidValue(child(path, 'generation'), generation, detail));
  }
  return [...errors, ...validateCommon(meta, options)];
}

/** The errors of metadata that is to replace `old`. */
export function validateObjectMetaUpdate(
  meta: JsonObject,
  old: JsonObject,
  options: Omit<ObjectMetaOptions, 'namespaced' | 'nameRule'> = {},
): FieldError[] {
  const { path = 'metadata' } = options;
  const errors: FieldError[] = [];
  if (old['deletionTimestamp'] !== undefined)
    errors.push(...validateNoNewFinalizers(meta, old, path));
  if (meta['resourceVersion'] === undefined || meta['resourceVersion'] === '') {
    const detail = 'must be specified for an update';
    errors.push(invalidValue(child(path, 'resourceVersion'), '', detail));
  }
  const generations = [meta['generation'] ?? 0, old['generation'] ?? 0].map(Number);
  if ((generations[0] ?? 0) < (generations[1] ?? 0)) {
    const detail = 'must not be decremented';
    errors.push(invalidValue(child(path, 'generation'), meta['generation'] ?? 0, detail));
  }
  for (const field of immutableFields) {
    if ((meta[field] ?? null) === (old[field] ?? null)) continue;
    errors.push(invalidValue(child(path, field), meta[field] ?? null, 'field is immutable'));
  }
  return [...errors, ...validateCommon(meta, { ...options, path })];
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

const nameRules = {
  subdomain: validateDns1123Subdomain,
  label: validateDns1123Label,
  path: validatePathSegment,
};

/** A generated name goes on after its dash, so the dash may not be what fails. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

function validateNamespace(
  namespace: JsonValue | undefined,
  namespaced: boolean,
  field: string,
): FieldError[] {
  const given = typeof namespace === 'string' && namespace !== '';
  if (!namespaced) return given ? [forbiddenField(field, 'not allowed on this type')] : [];
  if (!given) return [required(field)];
  return validateDns1123Label(namespace).map((p) => invalidValue(field, namespace, p));
}

function validateCommon(
  meta: JsonObject,
  { builtin = false, path = 'metadata' }: Partial<ObjectMetaOptions>,
): FieldError[] {
  return [
    ...validateLabels(meta['labels'], child(path, 'labels')),
    ...validateAnnotations(meta['annotations'], child(path, 'annotations')),
    ...validateOwnerReferences(meta['ownerReferences'], child(path, 'ownerReferences')),
    ...validateFinalizers(meta['finalizers'], child(path, 'finalizers'), builtin),
  ];
}

function validateLabels(labels: JsonValue | undefined, field: string): FieldError[] {
  if (!isObject(labels)) return [];
  return Object.entries(labels).flatMap(([key, value]) => {
    // The two differ only in what they call a key.
    const problems = validateQualifiedName(key).map((p) =>
      p.replace(/^a qualified name/, 'a valid label key'),
    );
    const errors = problems.map((p) => invalidValue(field, key, p));
    if (typeof value !== 'string') return errors;
    return [...errors, ...validateLabelValue(value).map((p) => invalidValue(field, value, p))];
  });
}

function validateAnnotations(annotations: JsonValue | undefined, field: string): FieldError[] {
  if (!isObject(annotations)) return [];
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const problems = validateQualifiedName(key.toLowerCase());
    errors.push(...problems.map((p) => invalidValue(field, key, p)));
    bytes += Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }
  if (bytes > maxAnnotationBytes) errors.push(tooLong(field, maxAnnotationBytes));
  return errors;
}

function validateFinalizers(
  finalizers: JsonValue | undefined,
  field: string,
  builtin: boolean,
): FieldError[] {
  const names = namesOf(finalizers);
  const errors = names.flatMap((name) =>
    validateQualifiedName(name).map((p) => invalidValue(field, name, p)),
  );
  if (names.includes('orphan') && names.includes('foregroundDeletion')) {
    const detail = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalidValue(field, names, detail));
  }
  if (!builtin) return errors;
  for (const [i, name] of names.entries()) {
    if (name.includes('/') || standardFinalizers.has(name)) continue;
    const detail = 'name is neither a standard finalizer name nor is it fully qualified';
    errors.push(invalidValue(`${field}[${i}]`, name, detail));
  }
  return errors;
}

const standardFinalizers: ReadonlySet<string> = new Set([
  'kubernetes',
  'orphan',
  'foregroundDeletion',
]);

function validateNoNewFinalizers(meta: JsonObject, old: JsonObject, path: string): FieldError[] {
  const present = new Set(namesOf(old['finalizers']));
  const added = [...new Set(namesOf(meta['finalizers']))].filter((name) => !present.has(name));
  if (added.length === 0) return [];
  const list = added.sort().map((name) => JSON.stringify(name));
  const detail =
    'no new finalizers can be added if the object is being deleted, ' +
    `found new finalizers []string{${list.join(', ')}}`;
  return [forbiddenField(child(path, 'finalizers'), detail)];
}

function namesOf(value: JsonValue | undefined): readonly string[] {
  return isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
