/** LimitRange: bounds that contradict themselves are refused. Source: Kubernetes `ValidateLimitRange` (v1.32). */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import { amountsOf } from '../../api/pod-resources.ts';
import { parseQuantity, type Quantity } from '../../api/quantity.ts';
import type { FieldError } from '../../api/status.ts';
import { duplicateValue, forbiddenField, invalidValue, required } from '../schema/field-error.ts';
import { containerResourceErrors, mayOvercommit, resourceErrors } from './resource-names.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const types = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);
const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
type List = (typeof lists)[number];
type Bounds = Readonly<Record<List, ReadonlyMap<string, Quantity>>>;

export const limitRangeStrategy: Strategy = {
  ...plainStrategy,
  prepareForCreate: fillDefaults,
  prepareForUpdate: fillDefaults,
  validate(range) {
    const seen = new Set<string>();
    return objectsOf(at(range, 'spec', 'limits')).flatMap((limit, index) => {
      const path = `spec.limits[${index}]`;
      const type = asString(limit['type']);
      const errors = typeErrors(type, `${path}.type`);
      if (seen.has(type)) errors.push(duplicateValue(`${path}.type`, type));
      seen.add(type);
      return [...errors, ...itemErrors(limit, type, path)];
    });
  },
};

/** Of containers: `default` is `max`, `defaultRequest` is `default` and then `min`, where they say nothing. */
function fillDefaults(range: JsonObject): void {
  for (const value of asArray(at(range, 'spec', 'limits'))) {
    const limit = asObject(value);
    if (limit === undefined || limit['type'] !== 'Container') continue;
    const filled: JsonObject = { ...asObject(limit['max']), ...asObject(limit['default']) };
    const requests: JsonObject = {
      ...asObject(limit['min']),
      ...filled,
      ...asObject(limit['defaultRequest']),
    };
    if (Object.keys(filled).length > 0) limit['default'] = filled;
    if (Object.keys(requests).length > 0) limit['defaultRequest'] = requests;
  }
}

function typeErrors(type: string, field: string): FieldError[] {
  const errors = validateQualifiedName(type).map((why) => invalidValue(field, type, why));
  if (errors.length > 0 || type.includes('/') || types.has(type)) return errors;
  return [invalidValue(field, type, 'must be a standard limit type or fully qualified')];
}

function itemErrors(limit: JsonObject, type: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const judge = type === 'Pod' || type === 'Container' ? containerResourceErrors : resourceErrors;
  for (const list of lists) {
    const names = Object.keys(asObject(limit[list]) ?? {});
    if (type === 'Pod' && names.length > 0 && (list === 'default' || list === 'defaultRequest'))
      errors.push(forbiddenField(`${path}.${list}`, "may not be specified when `type` is 'Pod'"));
    else for (const name of names) errors.push(...judge(name, `${path}.${list}[${name}]`));
  }
  const bounds = Object.fromEntries(
    lists.map((list) => [
      list,
      amountsOf(type === 'Pod' && list.startsWith('default') ? {} : limit[list]),
    ]),
  ) as unknown as Bounds; // One entry for each list.
  if (type === 'PersistentVolumeClaim' && !bounds.min.has('storage') && !bounds.max.has('storage'))
    errors.push(
      required(
        `${path}.limits`,
        'either minimum or maximum storage value is required, but neither was provided',
      ),
    );
  const names = new Set(lists.flatMap((list) => [...bounds[list].keys()]));
  for (const name of [...names].sort())
    errors.push(...orderErrors(bounds, name, path), ...ratioErrors(bounds, name, path));
  return errors;
}

/** The lesser, the greater, whose value is shown, and what the message calls them. */
const orders: readonly (readonly [List, List, List, string, string])[] = [
  ['min', 'max', 'min', 'min', 'max'],
  ['min', 'defaultRequest', 'defaultRequest', 'min', 'default request'],
  ['defaultRequest', 'max', 'defaultRequest', 'default request', 'max'],
  ['defaultRequest', 'default', 'defaultRequest', 'default request', 'default limit'],
  ['min', 'default', 'default', 'min', 'default'],
  ['default', 'max', 'default', 'default', 'max'],
];

function orderErrors(bounds: Bounds, name: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [less, more, at, lessWord, moreWord] of orders) {
    const [a, b] = [bounds[less].get(name), bounds[more].get(name)];
    if (a === undefined || b === undefined || a.cmp(b) <= 0) continue;
    // Beside a wrong default upstream shows what it is measured against.
    const shown = at === 'default' ? (less === 'min' ? a : b) : bounds[at].get(name);
    const why = `${lessWord} value ${a} is greater than ${moreWord} value ${b}`;
    errors.push(invalidValue(`${path}.${at}[${name}]`, String(shown), why));
  }
  return errors;
}

function ratioErrors(bounds: Bounds, name: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const ratio = bounds.maxLimitRequestRatio.get(name);
  const field = `${path}.maxLimitRequestRatio[${name}]`;
  const [min, max] = [bounds.min.get(name), bounds.max.get(name)];
  if (ratio !== undefined && ratio.cmp(parseQuantity(1)) < 0)
    errors.push(invalidValue(field, String(ratio), `ratio ${ratio} is less than 1`));
  if (ratio !== undefined && min !== undefined && max !== undefined && min.nano > 0n) {
    const most = max.toNumber() / min.toNumber();
    if (ratio.toNumber() > most) {
      const why = `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`;
      errors.push(invalidValue(field, String(ratio), why));
    }
  }
  const [limit, request] = [bounds.default.get(name), bounds.defaultRequest.get(name)];
  const differ = limit !== undefined && request !== undefined && limit.cmp(request) !== 0;
  if (differ && !mayOvercommit(name))
    errors.push(
      invalidValue(
        `${path}.defaultRequest[${name}]`,
        String(request),
        `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
      ),
    );
  return errors;
}
