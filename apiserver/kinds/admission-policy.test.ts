import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { policyBindingStrategy, policyStrategy } from './admission-policy.ts';

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const good: JsonObject = {
  failurePolicy: 'Fail',
  matchConstraints: { matchPolicy: 'Equivalent', resourceRules: [rule] },
  validations: [{ expression: 'object.spec.containers.size() > 0' }],
};

function errorsOf(change: JsonObject, strategy = policyStrategy, base = good): string[] {
  const found = strategy.validate?.({ spec: { ...base, ...change } }, undefined) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

test.each<[string, JsonObject]>([
  ['nothing', {}],
  [
    'params',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: 'params.data.a == "b"' }],
    },
  ],
  [
    'variables that see those before them',
    {
      variables: [
        { name: 'a', expression: '1' },
        { name: 'b', expression: 'variables.a + 1' },
      ],
      validations: [{ expression: 'variables.b == 2', messageExpression: "'no ' + object.kind" }],
    },
  ],
])('%s more is in order', (_, change) => {
  expect(errorsOf(change)).toEqual([]);
});

test.each<[JsonObject, string]>([
  [{ matchConstraints: undefined }, 'spec.matchConstraints: Required value'],
  [{ validations: [] }, 'spec.validations: Required value: validations or auditAnnotations must'],
  [
    { validations: [{ expression: '1' }] },
    'spec.validations[0].expression: Invalid value: "1": must evaluate to bool',
  ],
  [
    { validations: [{ expression: 'params.x' }] },
    'spec.validations[0].expression: Invalid value: "params.x": compilation failed: ERROR: <input>:1:1: undeclared reference to \'params\'',
  ],
  [{ validations: [{ expression: 'variables.x' }] }, "undefined field 'x'"],
  [
    { validations: [{ expression: 'true', messageExpression: 'true' }] },
    'spec.validations[0].messageExpression: Invalid value: "true": must evaluate to string',
  ],
  [
    { validations: [{ expression: 'true', reason: 'Bad' }] },
    'spec.validations[0].reason: Unsupported value: "Bad"',
  ],
  [
    { variables: [{ name: 'a-b', expression: '1' }] },
    'spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier',
  ],
  [{ paramKind: { kind: 'A' } }, 'spec.paramKind.apiVersion: Required value'],
  [{ failurePolicy: 'Retry' }, 'spec.failurePolicy: Unsupported value: "Retry"'],
  [{ matchConditions: [{ name: 'a', expression: 'objct' }] }, 'spec.matchConditions[0].expression'],
])('%j is refused', (change, message) => {
  expect(errorsOf(change).join('\n')).toContain(message);
});

test.each<[JsonObject, string]>([
  [{ policyName: '' }, 'spec.policyName: Required value'],
  [{ validationActions: [] }, 'spec.validationActions: Required value'],
  [{ validationActions: ['Deny', 'Warn'] }, 'must not contain both Deny and Warn'],
  [{ validationActions: ['Stop'] }, 'spec.validationActions[0]: Unsupported value: "Stop"'],
  [{ paramRef: { name: 'a' } }, 'spec.paramRef.parameterNotFoundAction: Required value'],
  [
    { paramRef: { parameterNotFoundAction: 'Deny' } },
    'spec.paramRef: Required value: one of name or selector',
  ],
])('a binding with %j is refused', (change, message) => {
  const base = { policyName: 'p', validationActions: ['Deny'] };
  expect(errorsOf({}, policyBindingStrategy, base)).toEqual([]);
  expect(errorsOf(change, policyBindingStrategy, base).join('\n')).toContain(message);
});
