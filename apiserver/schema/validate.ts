/**
 * Checks a value against its schema, in upstream's words and order.
 * Source: apiextensions-apiserver v0.36 `pkg/apiserver/validation/validation.go`.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { compileSchema, Findings } from './compile.ts';
import { isUnchanged } from './correlate.ts';
import { validateEmbedded } from './embedded.ts';
import { invalidValue } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { validateListTypes } from './list-types.ts';

export interface ValidateOptions {
  /** The value as stored, on an update: errors of parts that have not changed do not count. */
  readonly old?: JsonValue | undefined;
  /** Put before each field of the errors, as `spec.default`; messages keep the inner path. */
  readonly prefix?: string;
}

/**
 * All errors of a value: of the schema, then of embedded objects, then of list types. Rules in CEL
 * are `validateRules`' business. The last line of upstream's answers is added by `withUncheckedRules`.
 */
export function validate(
  value: JsonValue,
  schema: Schema,
  { old, prefix = '' }: ValidateOptions = {},
): FieldError[] {
  const findings = new Findings(prefix);
  compileSchema(schema)(value, '', findings);
  const errors = [
    ...findings.errors,
    ...validateEmbedded(value, schema, prefix),
    ...validateListTypes(value, schema, prefix),
  ];
  if (old === undefined) return errors;
  return errors.filter(({ field }) => !isUnchanged(field, value, old, schema));
}

/**
 * Adds the line that says that CEL rules were not looked at, if the schema has rules and one of the
 * errors stands in their way. Takes all errors of the object, those of its metadata too.
 */
export function withUncheckedRules(errors: readonly FieldError[], schema: Schema): FieldError[] {
  if (!hasRules(schema) || !blocksRules(errors)) return [...errors];
  return [...errors, invalidValue('<nil>', null, uncheckedRules)];
}

/** Whether one of the errors is such that rules could not rely on the schema. */
export function blocksRules(errors: readonly FieldError[]): boolean {
  return errors.some(({ type }) => blocking.has(type));
}

const uncheckedRules =
  'some validation rules were not checked because the object was invalid; ' +
  'correct the existing errors to complete validation';

const blocking: ReadonlySet<FieldError['type']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const known = new WeakMap<Schema, boolean>();

/** Whether there is a CEL rule at or below this schema; remembered, as schemas never change. */
export function hasRules(schema: Schema): boolean {
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const additional = additionalSchema(schema);
  const found =
    (schema['x-kubernetes-validations'] ?? []).length > 0 ||
    Object.values(schema.properties ?? {}).some(hasRules) ||
    (schema.items !== undefined && hasRules(schema.items)) ||
    (additional !== undefined && hasRules(additional));
  known.set(schema, found);
  return found;
}
