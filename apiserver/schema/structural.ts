/**
 * Whether the schema of a CustomResourceDefinition may be used: structural, with defaults that fit.
 * Source: apiextensions-apiserver v0.36 `pkg/apiserver/schema/validation.go`,
 * `pkg/apis/apiextensions/validation/`.
 */

import { own } from '../../api/json.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { patternOf } from './compile-scalar.ts';
import { child, forbiddenField, invalidValue, notSupported, required } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { validateDefaults } from './structural-defaults.ts';
import { validateLists } from './structural-lists.ts';
import { validateValueValidation } from './structural-nested.ts';
import { validateRuleTexts } from './structural-rules.ts';

/** Where a schema stands; what may be left out depends on it. */
export type Level = 'root' | 'field' | 'item';

export interface StructuralOptions {
  /**
   * Where the schema stands in the definition; upstream's answer for a single version is the
   * default.
   */
  readonly path?: string;
  /** The version has the subresource `status`. */
  readonly hasStatus?: boolean;
}

/**
 * The errors of a whole schema. Rules and defaults are only checked when the rest is in order.
 */
export function validateStructural(
  schema: Schema,
  { path = 'spec.validation.openAPIV3Schema', hasStatus = false }: StructuralOptions = {},
): FieldError[] {
  const errors = [
    ...validateRoot(schema, path),
    ...(hasStatus ? validateRootWithStatus(schema, path) : []),
    ...validateLevel(schema, 'root', path, false),
    ...validateValueValidation(schema, path),
  ];
  return errors.length > 0
    ? errors
    : [...validateRuleTexts(schema, path), ...validateDefaults(schema, path)];
}

function validateRoot(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const type = schema.type;
  if (type !== undefined && type !== 'object') {
    errors.push(invalidValue(child(path, 'type'), type, 'must be object at the root'));
  }
  if (schema.nullable === true) {
    errors.push(forbiddenField(child(path, 'nullable'), 'nullable cannot be true at the root'));
  }
  return errors;
}

/** The status is checked by itself: what is said of the whole could not be. */
const allowedBesideStatus: ReadonlySet<string> = new Set([
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'uniqueItems',
  'multipleOf',
  'required',
  'items',
  'properties',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);

function validateRootWithStatus(schema: Schema, path: string): FieldError[] {
  const stray = Object.entries(schema).find(
    ([word, value]) => value !== false && !allowedBesideStatus.has(word),
  )?.[0];
  if (stray === undefined) return [];
  const allowed = [...allowedBesideStatus].join(' ');
  const detail = `${stray}: only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [invalidValue(path, 'object', detail)];
}

function validateLevel(schema: Schema, level: Level, path: string, inMeta: boolean): FieldError[] {
  const errors = [
    ...validateType(schema, level, path),
    ...validateUnsupported(schema, path),
    ...validateExtensions(schema, path),
    ...validateLists(schema, path),
    ...validateMetadata(schema, level, path),
  ];
  if (inMeta && schema['x-kubernetes-embedded-resource'] === true) {
    const detail = 'must not be used inside of resource meta';
    errors.push(forbiddenField(child(path, 'x-kubernetes-embedded-resource'), detail));
  }
  const whole = level === 'root' || schema['x-kubernetes-embedded-resource'] === true;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const meta = inMeta || (whole && metaFields.has(key));
    errors.push(...validateLevel(property, 'field', `${child(path, 'properties')}[${key}]`, meta));
  }
  if (Array.isArray(schema.items)) {
    const detail = 'items must be a schema object and not an array';
    errors.push(forbiddenField(child(path, 'items'), detail));
  } else if (schema.items !== undefined) {
    errors.push(...validateLevel(schema.items, 'item', child(path, 'items'), inMeta));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    const inner = child(path, 'additionalProperties');
    errors.push(...validateLevel(additional, 'field', inner, inMeta));
  }
  return errors;
}

const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

const missingType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
};

function validateType(schema: Schema, level: Level, path: string): FieldError[] {
  const field = child(path, 'type');
  const type: string | undefined = schema.type;
  if (type === 'null') {
    const detail = 'type cannot be set to null, use nullable as an alternative';
    return [forbiddenField(field, detail), notSupported(field, type, types)];
  }
  if (type !== undefined && type !== '') {
    if (!types.includes(type)) return [notSupported(field, type, types)];
    if (type !== 'array' || schema.items !== undefined) return [];
    return [required(child(path, 'items'), 'must be specified')];
  }
  const typeless =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    own(schemaFields(schema), '$ref') !== undefined;
  return typeless ? [] : [required(field, missingType[level])];
}

/** Words of JSON Schema that upstream knows and refuses. */
const unsupported = [
  '$ref',
  'id',
  'definitions',
  'dependencies',
  'patternProperties',
  'additionalItems',
];

function validateUnsupported(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const fields = schemaFields(schema);
  for (const word of unsupported) {
    if (fields[word] === undefined || fields[word] === '') continue;
    errors.push(forbiddenField(child(path, word), `${word} is not supported`));
  }
  if (schema.uniqueItems === true) {
    const detail =
      'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbiddenField(child(path, 'uniqueItems'), detail));
  }
  if (
    schema.additionalProperties !== undefined &&
    Object.keys(schema.properties ?? {}).length > 0
  ) {
    const detail = 'additionalProperties and properties are mutual exclusive';
    errors.push(forbiddenField(child(path, 'additionalProperties'), detail));
  }
  if (schema.pattern !== undefined) {
    const mistake = patternOf(schema.pattern).mistake();
    if (mistake !== undefined) {
      const detail = `must be a valid regular expression, but isn't: ${mistake}`;
      errors.push(invalidValue(child(path, 'pattern'), schema.pattern, detail));
    }
  }
  return errors;
}

function validateExtensions(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const preserve = schema['x-kubernetes-preserve-unknown-fields'];
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const preserveField = child(path, 'x-kubernetes-preserve-unknown-fields');
  if (preserve === false) {
    errors.push(invalidValue(preserveField, false, 'must be true or undefined'));
  }
  if (embedded && schema.type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true';
    const field = child(path, 'type');
    errors.push(
      schema.type === undefined
        ? required(field, detail)
        : invalidValue(field, schema.type, detail),
    );
  }
  if (embedded && preserve !== true && Object.keys(schema.properties ?? {}).length === 0) {
    const detail =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(child(path, 'properties'), detail));
  }
  if (schema['x-kubernetes-int-or-string'] !== true) return errors;
  const detail = 'must be false if x-kubernetes-int-or-string is true';
  if (preserve === true) errors.push(invalidValue(preserveField, true, detail));
  if (embedded) {
    errors.push(invalidValue(child(path, 'x-kubernetes-embedded-resource'), true, detail));
  }
  return errors;
}

/** The fields that every object has are known already; a schema may only narrow names. */
function validateMetadata(schema: Schema, level: Level, path: string): FieldError[] {
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  if (level !== 'root' && !embedded) return [];
  const errors: FieldError[] = [];
  if (embedded && schema.additionalProperties !== undefined) {
    const detail = 'must not be used at the root of a resource';
    errors.push(forbiddenField(child(path, 'additionalProperties'), detail));
  }
  const properties = child(path, 'properties');
  for (const name of ['kind', 'apiVersion']) {
    const type = own(schema.properties, name)?.type;
    if (type === undefined || type === 'string') continue;
    errors.push(invalidValue(`${properties}[${name}].type`, type, 'must be string'));
  }
  const metadata = own(schema.properties, 'metadata');
  if (metadata === undefined) return errors;
  if (metadata.type !== undefined && metadata.type !== 'object') {
    errors.push(invalidValue(`${properties}[metadata].type`, metadata.type, 'must be object'));
  }
  if (level === 'root' && !onlyNames(metadata)) {
    const detail =
      'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbiddenField(`${properties}[metadata]`, detail));
  }
  return errors;
}

// Its default is refused where all defaults are judged.
const allowedOnMetadata = new Set(['type', 'description', 'title', 'properties', 'default']);

function onlyNames(metadata: Schema): boolean {
  return (
    Object.keys(metadata).every((key) => allowedOnMetadata.has(key)) &&
    Object.keys(metadata.properties ?? {}).every((key) => key === 'name' || key === 'generateName')
  );
}

/** Schemas come from requests and may have fields that the type does not name. */
function schemaFields(schema: Schema): Readonly<Record<string, unknown>> {
  return schema as Readonly<Record<string, unknown>>;
}
