import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { resourceQuotaStrategy } from './resource-quota.ts';

function errorsOf(spec: JsonObject, old?: JsonObject): string[] {
  const found = resourceQuotaStrategy.validate?.({ spec }, old && { spec: old }) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

const selecting = (scopeName: string, operator: string, ...values: string[]) => ({
  scopeSelector: { matchExpressions: [{ scopeName, operator, values }] },
});

test.each<[JsonObject, string[]]>([
  [
    {
      hard: {
        pods: '1',
        'limits.cpu': '1',
        'requests.example.com/gpu': '1',
        'count/workloads.berth.dev': 1,
        'requests.hugepages-2Mi': '1Gi',
      },
    },
    [],
  ],
  [
    { hard: { gpus: '1' } },
    ['spec.hard[gpus]: Invalid value: "gpus": must be a standard resource for quota'],
  ],
  [
    { hard: { pods: '-1' } },
    ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
  ],
  [{ hard: { pods: '1500m' } }, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
  [{ scopes: ['Some'] }, ['spec.scopes: Invalid value: ["Some"]: unsupported scope']],
  [
    { hard: { 'limits.cpu': '1' }, scopes: ['BestEffort'] },
    ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  ],
  [
    { scopes: ['Terminating', 'NotTerminating'] },
    ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
  ],
  [selecting('PriorityClass', 'In', 'high'), []],
  [
    selecting('PriorityClass', 'In'),
    [
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  ],
  [
    selecting('PriorityClass', 'Exists', 'a'),
    [
      "spec.scopeSelector.matchExpressions.values: Invalid value: [\"a\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
    ],
  ],
  [
    selecting('PriorityClass', 'Like'),
    [
      'spec.scopeSelector.matchExpressions.operator: Invalid value: "Like": not a valid selector operator',
    ],
  ],
  [
    selecting('Other', 'Exists'),
    ['spec.scopeSelector.matchExpressions.scopeName: Invalid value: "Other": unsupported scope'],
  ],
])('%j', (spec, errors) => {
  expect(errorsOf(spec)).toEqual(errors);
});

test('a scope other than a priority class only exists', () => {
  expect(errorsOf(selecting('Terminating', 'DoesNotExist'))).toEqual([
    expect.stringMatching(/^spec.scopeSelector.matchExpressions.operator: .* must be 'Exist' when/),
  ]);
});

test('scopes stay, in whatever order', () => {
  const pair = ['PriorityClass', 'Terminating'];
  expect(errorsOf({ scopes: pair }, { scopes: [...pair].reverse() })).toEqual([]);
  expect(errorsOf({ scopes: ['Terminating'] }, {})).toEqual([
    'spec.scopes: Invalid value: ["Terminating"]: field is immutable',
  ]);
});
