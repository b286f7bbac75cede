/** ResourceQuota: names, amounts and scopes. Source: Kubernetes `ValidateResourceQuota` (v1.32). */
import { asArray, asObject, asString, at, equal, objectsOf } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { isQuantity, parseQuantity } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue, required } from '../schema/field-error.ts';
import { isInteger, isStandardForQuota, quotaResourceErrors } from './resource-names.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

export const resourceQuotaStrategy: Strategy = {
  ...plainStrategy,
  prepareForCreate(quota) {
    delete quota['status'];
  },
  validate(quota, old) {
    const spec = asObject(quota['spec']) ?? {};
    const errors = [
      ...amountErrors(spec['hard'], 'spec.hard'),
      ...scopeErrors(spec),
      ...selectorErrors(spec),
    ];
    if (old === undefined) return errors;
    const [now, before] = [sorted(spec['scopes']), sorted(at(old, 'spec', 'scopes'))];
    if (!equal(now, before))
      errors.push(invalidValue('spec.scopes', spec['scopes'], 'field is immutable'));
    return errors;
  },
  validateStatus: (quota) => [
    ...amountErrors(at(quota, 'status', 'hard'), 'status.hard'),
    ...amountErrors(at(quota, 'status', 'used'), 'status.used'),
  ],
};

function sorted(scopes: JsonValue | undefined): string[] {
  return asArray(scopes).map(asString).sort();
}

function amountErrors(list: JsonValue | undefined, path: string): FieldError[] {
  return Object.entries(asObject(list) ?? {}).flatMap(([name, amount]) => {
    const field = `${path}[${name}]`;
    const errors = quotaResourceErrors(name, field);
    if ((typeof amount !== 'string' && typeof amount !== 'number') || !isQuantity(amount))
      return errors;
    const { nano } = parseQuantity(amount);
    if (nano < 0n)
      errors.push(invalidValue(field, String(amount), 'must be greater than or equal to 0'));
    if (isInteger(name) && nano % 1_000_000_000n !== 0n)
      errors.push(invalidValue(field, String(amount), 'must be an integer'));
    return errors;
  });
}

const scopes = new Set([
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
]);
const contradictions = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];
const computeNames = new Set([
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]);

/** Whether a quota of pods in this scope can count the resource. */
function fits(scope: string, name: string): boolean {
  if (!isStandardForQuota(name) || name === 'pods') return true;
  return scope !== 'BestEffort' && computeNames.has(name);
}

function scopeErrors(spec: JsonObject): FieldError[] {
  const given = asArray(spec['scopes']).map(asString);
  const wrong = (why: string) => invalidValue('spec.scopes', spec['scopes'], why);
  return [...givenErrors(given, spec, wrong), ...contradictionErrors(given, wrong)];
}

function givenErrors(
  given: readonly string[],
  spec: JsonObject,
  wrong: (why: string) => FieldError,
): FieldError[] {
  const names = Object.keys(asObject(spec['hard']) ?? {}).sort();
  return given.flatMap((scope) => [
    ...(scopes.has(scope) ? [] : [wrong('unsupported scope')]),
    ...names
      .filter((name) => scopes.has(scope) && !fits(scope, name))
      .map(() => wrong('unsupported scope applied to resource')),
  ]);
}

function contradictionErrors(
  given: readonly string[],
  wrong: (why: string) => FieldError,
): FieldError[] {
  return contradictions
    .filter((pair) => pair.every((scope) => given.includes(scope)))
    .map(() => wrong('conflicting scopes'));
}

function selectorErrors(spec: JsonObject): FieldError[] {
  const path = 'spec.scopeSelector.matchExpressions';
  const selector = asObject(spec['scopeSelector']);
  const expressions = objectsOf(selector?.['matchExpressions']);
  const errors: FieldError[] = [];
  for (const expression of expressions) {
    const scope = asString(expression['scopeName']);
    if (!scopes.has(scope))
      errors.push(invalidValue(`${path}.scopeName`, scope, 'unsupported scope'));
    else errors.push(...givenErrors([scope], spec, (why) => invalidValue(path, selector, why)));
    errors.push(...operatorErrors(expression, scope, path));
  }
  const given = expressions.map(({ scopeName }) => asString(scopeName));
  const all = selector?.['matchExpressions'];
  return [...errors, ...contradictionErrors(given, (why) => invalidValue(path, all, why))];
}

function operatorErrors(expression: JsonObject, scope: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const operator = asString(expression['operator']);
  const values = asArray(expression['values']);
  if (scopes.has(scope) && scope !== 'PriorityClass' && operator !== 'Exists')
    errors.push(
      invalidValue(
        `${path}.operator`,
        operator,
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    );
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      errors.push(
        required(
          `${path}.values`,
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
      );
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      errors.push(
        invalidValue(
          `${path}.values`,
          expression['values'],
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      );
  } else errors.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  return errors;
}
