/**
 * What may stand inside of `allOf`, `anyOf`, `oneOf` and `not`: only checks of what is declared
 * outside.
 */
import { isDeepStrictEqual } from 'node:util';
import { own } from '../../api/json.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { child, forbiddenField, required } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';

/** The errors of all value validations at or below a schema. */
export function validateValueValidation(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const whole = child(path, '').replace(/\.$/, '');
  for (const [nested, where] of nestedOf(schema)) {
    if (isIntOrStringPattern(schema, where)) continue;
    checkForbidden(nested, child(path, where), errors);
    checkComplete(nested, schema, where, whole, errors);
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...validateValueValidation(property, `${child(path, 'properties')}[${key}]`));
  }
  if (schema.items !== undefined) {
    errors.push(...validateValueValidation(schema.items, child(path, 'items')));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    errors.push(...validateValueValidation(additional, child(path, 'additionalProperties')));
  }
  return errors;
}

function nestedOf(schema: Schema): (readonly [Schema, string])[] {
  const found: (readonly [Schema, string])[] = [];
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, nested] of (schema[word] ?? []).entries()) found.push([nested, `${word}[${i}]`]);
  }
  if (schema.not !== undefined) found.push([schema.not, 'not']);
  return found;
}

const intOrString = [{ type: 'integer' }, { type: 'string' }];

/** The one place where types may be repeated, for readers that do not know the extension. */
function isIntOrStringPattern(schema: Schema, where: string): boolean {
  if (schema['x-kubernetes-int-or-string'] !== true) return false;
  if (where.startsWith('anyOf')) return isDeepStrictEqual(schema.anyOf, intOrString);
  return where === 'allOf[0]' && isDeepStrictEqual(schema.allOf?.[0], { anyOf: intOrString });
}

const emptyWords = ['type', 'description', 'title'];
const undefinedWords = ['default', 'additionalProperties'];
const falseWords = [
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
];
const structuralWords = [
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
];

function checkForbidden(nested: Schema, path: string, errors: FieldError[]): void {
  // The words are looked up by name, whatever their types.
  const fields = nested as Readonly<Record<string, unknown>>;
  const refuse = (words: readonly string[], detail: string) => {
    for (const word of words) {
      const value = fields[word];
      if (value === undefined || value === '' || value === false) continue;
      errors.push(forbiddenField(child(path, word), detail));
    }
  };
  refuse(emptyWords, 'must be empty to be structural');
  refuse(undefinedWords, 'must be undefined to be structural');
  refuse(falseWords, 'must be false to be structural');
  refuse(structuralWords, 'must be undefined to be structural');
  refuse(['x-kubernetes-validations'], 'must be empty to be structural');
  for (const [key, property] of Object.entries(nested.properties ?? {})) {
    checkForbidden(property, `${child(path, 'properties')}[${key}]`, errors);
  }
  if (nested.items !== undefined) checkForbidden(nested.items, child(path, 'items'), errors);
  for (const [inner, where] of nestedOf(nested)) checkForbidden(inner, child(path, where), errors);
}

/**
 * What is checked must have been declared: `where` is where the check stands, from the declaration
 * on.
 */
function checkComplete(
  nested: Schema,
  declared: Schema,
  where: string,
  path: string,
  errors: FieldError[],
): void {
  const because = (inner: string) => `because it is defined in ${inner}`;
  for (const [key, property] of Object.entries(nested.properties ?? {})) {
    const inner = `${where}.properties[${key}]`;
    const outer = own(declared.properties, key);
    const place = `${child(path, 'properties')}[${key}]`;
    if (outer !== undefined) checkComplete(property, outer, inner, place, errors);
    else if (declared['x-kubernetes-preserve-unknown-fields'] !== true) {
      errors.push(required(place, because(inner)));
    }
  }
  if (nested.items !== undefined) {
    const place = child(path, 'items');
    if (declared.items === undefined) errors.push(required(place, because(`${where}.items`)));
    else checkComplete(nested.items, declared.items, `${where}.items`, place, errors);
  }
  for (const [inner, deeper] of nestedOf(nested)) {
    checkComplete(inner, declared, `${where}.${deeper}`, path, errors);
  }
}
