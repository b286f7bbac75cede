import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { limitRangeStrategy } from './limit-range.ts';

const context = { user: { name: 'a', groups: [] }, now: '', dryRun: false, peek: () => undefined };

function range(...limits: JsonObject[]): JsonObject {
  return { metadata: { name: 'r', namespace: 'ns' }, spec: { limits } };
}

function errorsOf(...limits: JsonObject[]): string[] {
  const found = limitRangeStrategy.validate?.(range(...limits), undefined) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

test('containers: a default is the maximum, a request the default, then the minimum', () => {
  const made = range({ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } });
  limitRangeStrategy.prepareForCreate?.(made, context);
  expect(made['spec']).toEqual({
    limits: [
      {
        type: 'Container',
        max: { cpu: '2' },
        min: { memory: '1Mi' },
        default: { cpu: '2' },
        defaultRequest: { cpu: '2', memory: '1Mi' },
      },
    ],
  });
});

test.each<[JsonObject, string[]]>([
  [{ type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' } }, []],
  [{ type: 'example.com/thing' }, []],
  [
    { type: 'Node' },
    [
      'spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified',
    ],
  ],
  [
    { type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } },
    ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  ],
  [
    { type: 'Container', max: { storage: '1' } },
    [
      'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
    ],
  ],
  [
    { type: 'Pod', default: { cpu: '1' } },
    ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  ],
  [
    { type: 'Container', defaultRequest: { cpu: '800m' }, default: { cpu: '500m' } },
    [
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "800m": default request value 800m is greater than default limit value 500m',
    ],
  ],
  [
    {
      type: 'Pod',
      maxLimitRequestRatio: { memory: '10' },
      min: { memory: '1' },
      max: { memory: '2' },
    },
    [
      'spec.limits[0].maxLimitRequestRatio[memory]: Invalid value: "10": ratio 10 is greater than max/min = 2.000000',
    ],
  ],
  [
    { type: 'Container', maxLimitRequestRatio: { memory: '800m' } },
    [
      'spec.limits[0].maxLimitRequestRatio[memory]: Invalid value: "800m": ratio 800m is less than 1',
    ],
  ],
  [
    {
      type: 'Container',
      defaultRequest: { 'example.com/gpu': '1' },
      default: { 'example.com/gpu': '2' },
    },
    [
      'spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu',
    ],
  ],
  [
    { type: 'Container', default: { cpu: '3' }, max: { cpu: '2' } },
    [
      'spec.limits[0].default[cpu]: Invalid value: "2": default value 3 is greater than max value 2',
    ],
  ],
  [
    { type: 'PersistentVolumeClaim', min: { cpu: '1' } },
    [
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
    ],
  ],
])('%j', (limit, errors) => {
  expect(errorsOf(limit)).toEqual(errors);
});

test('a type is named once', () => {
  expect(errorsOf({ type: 'Pod' }, { type: 'Pod' })).toEqual([
    'spec.limits[1].type: Duplicate value: "Pod"',
  ]);
});
