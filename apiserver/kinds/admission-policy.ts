/**
 * ValidatingAdmissionPolicy and its bindings.
 * Source: Kubernetes pkg/apis/admissionregistration/validation.
 */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import { fromLabelSelectorObject } from '../../api/label-selector.ts';
import type { JsonObject } from '../../api/meta.ts';
import { type FieldError, StatusError } from '../../api/status.ts';
import { compilePolicy, type PolicyTypes } from '../cel/index.ts';
import { duplicateValue, invalidValue, notSupported, required } from '../schema/field-error.ts';
import { matchConditionErrors } from './match-conditions.ts';
import { ruleErrors } from './operation-rules.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const actions = ['Audit', 'Deny', 'Warn'];

export const policyStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  prepareForCreate(policy) {
    delete policy['status'];
  },
  validate(policy) {
    const spec = asObject(policy['spec']) ?? {};
    const constraints = asObject(spec['matchConstraints']);
    const errors: FieldError[] = [];
    if (!['Fail', 'Ignore'].includes(asString(spec['failurePolicy'])))
      errors.push(
        notSupported('spec.failurePolicy', spec['failurePolicy'] ?? '', ['Fail', 'Ignore']),
      );
    errors.push(...paramKindErrors(asObject(spec['paramKind'])));
    if (constraints === undefined) errors.push(required('spec.matchConstraints'));
    else errors.push(...matchErrors(constraints, 'spec.matchConstraints'));
    if (constraints !== undefined && objectsOf(constraints['resourceRules']).length === 0)
      errors.push(required('spec.matchConstraints.resourceRules'));
    errors.push(
      ...matchConditionErrors(objectsOf(spec['matchConditions']), 'spec.matchConditions'),
    );
    return [...errors, ...expressionErrors(spec)];
  },
};

function paramKindErrors(paramKind: JsonObject | undefined): FieldError[] {
  if (paramKind === undefined) return [];
  return ['apiVersion', 'kind']
    .filter((field) => asString(paramKind[field]) === '')
    .map((field) => required(`spec.paramKind.${field}`));
}

function matchErrors(match: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['resourceRules', 'excludeResourceRules'])
    objectsOf(match[list]).forEach((rule, i) => {
      errors.push(...ruleErrors(rule, `${path}.${list}[${i}]`));
    });
  if (!['Equivalent', 'Exact'].includes(asString(match['matchPolicy'])))
    errors.push(
      notSupported(`${path}.matchPolicy`, match['matchPolicy'] ?? '', ['Equivalent', 'Exact']),
    );
  for (const field of ['namespaceSelector', 'objectSelector'])
    errors.push(...selectorErrors(asObject(match[field]), `${path}.${field}`));
  return errors;
}

function selectorErrors(selector: JsonObject | undefined, path: string): FieldError[] {
  try {
    fromLabelSelectorObject(selector);
    return [];
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return [invalidValue(path, selector, error.message)];
  }
}

function expressionErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const variables = new Map<
    string,
    PolicyTypes['variables'] extends ReadonlyMap<string, infer T> ? T : never
  >();
  const compile = (value: unknown, path: string, ...wanted: string[]) => {
    const expression = asString(value as string).trim();
    if (expression === '') return void errors.push(required(path));
    const hasParams = spec['paramKind'] !== undefined;
    const compiled = compilePolicy(expression, { hasParams, variables }, wanted);
    if (compiled.ok) return compiled.program.type;
    errors.push(invalidValue(path, expression, compiled.error));
    return undefined;
  };
  objectsOf(spec['variables']).forEach(({ name, expression }, i) => {
    const path = `spec.variables[${i}]`;
    const text = asString(name);
    if (text === '') errors.push(required(`${path}.name`));
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(text))
      errors.push(invalidValue(`${path}.name`, text, 'name is not a valid CEL identifier'));
    if (variables.has(text)) errors.push(duplicateValue(`${path}.name`, text));
    const type = compile(expression, `${path}.expression`);
    if (type !== undefined) variables.set(text, type);
  });
  const validations = objectsOf(spec['validations']);
  const annotations = objectsOf(spec['auditAnnotations']);
  if (validations.length === 0 && annotations.length === 0)
    for (const field of ['validations', 'auditAnnotations'])
      errors.push(
        required(`spec.${field}`, 'validations or auditAnnotations must contain at least one item'),
      );
  validations.forEach((validation, i) => {
    const path = `spec.validations[${i}]`;
    compile(validation['expression'], `${path}.expression`, 'bool');
    const made = validation['messageExpression'];
    if (made !== undefined) compile(made, `${path}.messageExpression`, 'string');
    const { reason = 'Invalid' } = validation;
    if (!reasons.includes(asString(reason)))
      errors.push(notSupported(`${path}.reason`, reason, reasons));
    if (asString(validation['message']).trim().includes('\n'))
      errors.push(
        invalidValue(
          `${path}.message`,
          validation['message'],
          'message must not contain line breaks',
        ),
      );
  });
  annotations.forEach(({ key, valueExpression }, i) => {
    if (asString(key) === '') errors.push(required(`spec.auditAnnotations[${i}].key`));
    compile(valueExpression, `spec.auditAnnotations[${i}].valueExpression`, 'string', 'null');
  });
  return errors;
}

export const policyBindingStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  validate(binding) {
    const errors: FieldError[] = [];
    if (asString(at(binding, 'spec', 'policyName')) === '')
      errors.push(required('spec.policyName'));
    errors.push(...paramRefErrors(asObject(at(binding, 'spec', 'paramRef'))));
    const match = asObject(at(binding, 'spec', 'matchResources'));
    if (match !== undefined) errors.push(...matchErrors(match, 'spec.matchResources'));
    return [
      ...errors,
      ...actionErrors(asArray(at(binding, 'spec', 'validationActions')).map(asString)),
    ];
  },
};

function paramRefErrors(ref: JsonObject | undefined): FieldError[] {
  if (ref === undefined) return [];
  const path = 'spec.paramRef';
  const errors: FieldError[] = [];
  const named = asString(ref['name']) !== '';
  if (named === (ref['selector'] !== undefined))
    errors.push(
      named
        ? invalidValue(`${path}.name`, ref['name'], 'name and selector are mutually exclusive')
        : required(path, 'one of name or selector must be specified'),
    );
  const { parameterNotFoundAction: action } = ref;
  if (action === undefined) errors.push(required(`${path}.parameterNotFoundAction`));
  else if (action !== 'Allow' && action !== 'Deny')
    errors.push(notSupported(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow']));
  return [...errors, ...selectorErrors(asObject(ref['selector']), `${path}.selector`)];
}

function actionErrors(given: readonly string[]): FieldError[] {
  const path = 'spec.validationActions';
  if (given.length === 0) return [required(path)];
  const errors = given.flatMap((action, i) =>
    actions.includes(action) ? [] : [notSupported(`${path}[${i}]`, action, actions)],
  );
  if (given.includes('Deny') && given.includes('Warn'))
    errors.push(
      invalidValue(
        path,
        [...given],
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  return errors;
}
