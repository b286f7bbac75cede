/** What a definition's `x-kubernetes-validations` are checked for before any object is. */
import { own } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema, ValidationRule } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { estimateCost, maxCount } from '../cel/index.ts';
import { child, forbiddenField, invalidValue, notSupported, required } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { type CompiledRule, compiledRules } from './rules.ts';

/** The errors of all rules at or below a schema. */
export function validateRuleTexts(schema: Schema, path: string): FieldError[] {
  const costs: RuleCost[] = [];
  const place = { schema, path, root: true, uncorrelated: undefined, count: 1, costs };
  return [...visit(place), ...totalErrors(costs, path)];
}

/** Kubernetes' limits for what is estimated: of one rule, and of all of a schema. */
const ruleLimit = 10_000_000;
const schemaLimit = 100_000_000;
/** So many rules are named when all together cost too much. */
const maxNamed = 4;

interface RuleCost {
  readonly field: string;
  readonly cost: number;
}

interface Place {
  readonly schema: Schema;
  readonly path: string;
  readonly root: boolean;
  /** From where on an old value cannot be found for a new one. */
  readonly uncorrelated: string | undefined;
  /** How many of these an object may have; `undefined` = as many as a request can hold. */
  readonly count: number | undefined;
  readonly costs: RuleCost[];
}

function visit(place: Place): FieldError[] {
  const { schema, path } = place;
  const errors = ownErrors(place);
  const { costs } = place;
  const times = (max: number | undefined) =>
    place.count === undefined || max === undefined ? undefined : place.count * max;
  const atomic = schema['x-kubernetes-map-type'] === 'atomic' ? path : undefined;
  const below = place.uncorrelated ?? atomic;
  for (const [key, property] of Object.entries(schema.properties ?? {}))
    errors.push(
      ...visit({
        ...{ schema: property, path: `${child(path, 'properties')}[${key}]`, root: false, costs },
        ...{ uncorrelated: below, count: place.count },
      }),
    );
  const additional = additionalSchema(schema);
  if (additional !== undefined)
    errors.push(
      ...visit({
        ...{ schema: additional, path: child(path, 'additionalProperties'), root: false, costs },
        ...{ uncorrelated: below, count: times(schema.maxProperties) },
      }),
    );
  if (schema.items !== undefined) {
    const matched = schema['x-kubernetes-list-type'] === 'map';
    errors.push(
      ...visit({
        ...{ schema: schema.items, path: child(path, 'items'), root: false, costs },
        uncorrelated: place.uncorrelated ?? (matched ? undefined : path),
        count: times(schema.maxItems),
      }),
    );
  }
  return errors;
}

const reasons = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];

function ownErrors({ schema, path, root, uncorrelated, count, costs }: Place): FieldError[] {
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
  const times = count ?? maxCount(schema, root);
  const costly = compiledRules(schema, root).flatMap((each, i) =>
    costErrors(each, times, costs, (field: string) => at(i, field)),
  );
  return [...shapes, ...compiled, ...costly];
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
  const steps = [...path.matchAll(/\.([\w$-]+)|\['((?:[^'\\]|\\.)+)'\]/gy)];
  const length = steps.reduce((sum, [whole]) => sum + whole.length, 0);
  if (steps.length === 0 || length !== path.length) return false;
  let at: Schema | undefined = schema;
  for (const [, plain, quoted] of steps) {
    const key = plain ?? (quoted ?? '').replace(/\\(.)/g, (_, c: string) => goEscapes[c] ?? c);
    at = own(at?.properties, key) ?? (at === undefined ? undefined : additionalSchema(at));
    if (at === undefined) return false;
  }
  return true;
}

/** What Go writes with a backslash. */
const goEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

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

function costErrors(
  { program, message }: CompiledRule,
  count: number,
  costs: RuleCost[],
  at: At,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, what, each] of [
    ['rule', 'rule', program],
    ['messageExpression', 'messageExpression', message],
  ] as const) {
    if (each === undefined) continue;
    const cost = estimateCost(each.checked) * count;
    if (field === 'rule') costs.push({ field: at(field), cost });
    if (cost > ruleLimit)
      errors.push(forbiddenField(at(field), tooCostly(`estimated ${what} cost`, cost / ruleLimit)));
  }
  return errors;
}

function totalErrors(costs: readonly RuleCost[], path: string): FieldError[] {
  const total = costs.reduce((sum, { cost }) => sum + cost, 0);
  if (total <= schemaLimit) return [];
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  const named = [...costs]
    .sort((a, b) => b.cost - a.cost)
    .slice(0, maxNamed)
    .map(({ field }) =>
      forbiddenField(
        field,
        'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
      ),
    );
  return [...named, forbiddenField(path, tooCostly(what, total / schemaLimit))];
}

function tooCostly(what: string, factor: number): string {
  const shown =
    factor > 100
      ? 'more than 100x'
      : factor < 1.5
        ? `${(Math.ceil(factor * 1e6) / 1e6).toFixed(6)}x`
        : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
