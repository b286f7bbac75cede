/** What a definition's `x-kubernetes-validations` are checked for before any object is. */
import { own } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema, ValidationRule } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { child, invalidValue, notSupported, required } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { type CompiledRule, compiledRules } from './rules.ts';

/** The errors of all rules at or below a schema. */
export function validateRuleTexts(schema: Schema, path: string): FieldError[] {
  return visit({ schema, path, root: true, uncorrelated: undefined });
}

interface Place {
  readonly schema: Schema;
  readonly path: string;
  readonly root: boolean;
  /** From where on an old value cannot be found for a new one. */
  readonly uncorrelated: string | undefined;
}

function visit(place: Place): FieldError[] {
  const { schema, path } = place;
  const errors = ownErrors(place);
  const inner = (below: Schema, where: string, uncorrelated = place.uncorrelated) =>
    errors.push(...visit({ schema: below, path: where, root: false, uncorrelated }));
  const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? path : undefined;
  const below = place.uncorrelated ?? atomic;
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    inner(property, `${child(path, 'properties')}[${key}]`, below);
  const additional = additionalSchema(schema);
  if (additional !== undefined) inner(additional, child(path, 'additionalProperties'), below);
  if (schema.items !== undefined) {
    const matched = schema['x-kubernetes-list-type'] === 'map';
    inner(schema.items, child(path, 'items'), place.uncorrelated ?? (matched ? undefined : path));
  }
  return errors;
}

const reasons = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];

function ownErrors({ schema, path, root, uncorrelated }: Place): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  const at = (index: number, field: string) =>
    `${child(path, 'x-kubernetes-validations')}[${index}].${field}`;
  const shapes = rules.flatMap((rule, i) =>
    ruleErrors(rule, schema, (field: string) => at(i, field)),
  );
  if (shapes.some(({ field }) => field.endsWith('.rule'))) return shapes;
  const compiled = compiledRules(schema, root).flatMap((each, i) =>
    programErrors(each, uncorrelated, (field: string) => at(i, field)),
  );
  return [...shapes, ...compiled];
}

type At = (field: string) => string;

function ruleErrors(rule: ValidationRule, schema: Schema, at: At): FieldError[] {
  const errors: FieldError[] = [];
  if (rule.rule === undefined || rule.rule.trim() === '')
    errors.push(required(at('rule'), 'rule is not specified'));
  const message = rule.message ?? '';
  if (message !== '' && message.trim() === '')
    errors.push(invalidValue(at('message'), message, 'message must be non-empty if specified'));
  else if (message.trim().includes('\n'))
    errors.push(invalidValue(at('message'), message, 'message must not contain line breaks'));
  else if (message === '' && (rule.rule ?? '').trim().includes('\n'))
    errors.push(required(at('message'), 'message must be specified if rule contains line breaks'));
  const expression = rule.messageExpression ?? '';
  if (expression !== '' && expression.trim() === '')
    errors.push(
      required(at('messageExpression'), 'messageExpression must be non-empty if specified'),
    );
  if (rule.reason !== undefined && !reasons.includes(rule.reason))
    errors.push(notSupported(at('reason'), rule.reason, reasons));
  return [...errors, ...fieldPathErrors(rule, schema, at)];
}

function fieldPathErrors({ fieldPath = '' }: ValidationRule, schema: Schema, at: At) {
  const errors: FieldError[] = [];
  const wrong = (detail: string) => errors.push(invalidValue(at('fieldPath'), fieldPath, detail));
  if (fieldPath === '') return errors;
  if (fieldPath.trim() === '') wrong('fieldPath must be non-empty if specified');
  if (fieldPath.includes('\n')) wrong('fieldPath must not contain line breaks');
  if (!pathExists(fieldPath, schema)) wrong('fieldPath must be a valid path');
  return errors;
}

/** `.spec.name`, `['a.b'].c`: to a property that is declared, and not into lists. */
function pathExists(path: string, schema: Schema): boolean {
  const steps = [...path.matchAll(/\.([a-zA-Z_][\w$-]*)|\['((?:[^'\\]|\\.)+)'\]/gy)];
  const length = steps.reduce((sum, [whole]) => sum + whole.length, 0);
  if (steps.length === 0 || length !== path.length) return false;
  let at: Schema | undefined = schema;
  for (const [, plain, quoted] of steps) {
    const key = plain ?? (quoted ?? '').replace(/\\(.)/g, '$1');
    at = own(at?.properties, key) ?? (at === undefined ? undefined : additionalSchema(at));
    if (at === undefined) return false;
  }
  return true;
}

function programErrors(compiled: CompiledRule, uncorrelated: string | undefined, at: At) {
  const { rule, error, messageError, transition } = compiled;
  const errors: FieldError[] = [];
  // Plain JSON, whose interface has no index signature.
  const shown = { ...rule } as unknown as JsonValue;
  if (error !== undefined) errors.push(invalidValue(at('rule'), shown, error));
  if (messageError !== undefined)
    errors.push(invalidValue(at('messageExpression'), shown, messageError));
  if (transition && uncorrelated !== undefined)
    errors.push(
      invalidValue(
        at('rule'),
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
      ),
    );
  if (rule.optionalOldSelf !== undefined && !transition && error === undefined)
    errors.push(
      invalidValue(
        at('optionalOldSelf'),
        rule.optionalOldSelf,
        'may not be set if oldSelf is not used in rule',
      ),
    );
  return errors;
}
