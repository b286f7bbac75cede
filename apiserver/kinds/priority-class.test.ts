import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { priorityClassStrategy } from './priority-class.ts';

function errorsOf(name: string, fields: JsonObject, old?: JsonObject): string[] {
  const made = (more: JsonObject) => ({ metadata: { name }, ...more });
  const found = priorityClassStrategy.validate?.(made(fields), old && made(old)) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

const reserved =
  "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ";

test.each<[string, JsonObject, string[]]>([
  ['high', { value: 1_000_000_000 }, []],
  ['low', { value: -2_147_483_648 }, []],
  [
    'high',
    { value: 1_000_000_001 },
    ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  ],
  ['system-node-critical', { value: 2_000_001_000 }, []],
  [
    'system-node-critical',
    { value: 1 },
    [`${reserved}value of system-node-critical PriorityClass must be 2000001000`],
  ],
  [
    'system-cluster-critical',
    { value: 2_000_000_000, globalDefault: true },
    [`${reserved}globalDefault of system-cluster-critical PriorityClass must be false`],
  ],
  ['system-mine', { value: 1 }, [`${reserved}system-mine is not a known system priority class`]],
])('a class %s of %j', (name, fields, errors) => {
  expect(errorsOf(name, fields)).toEqual(errors);
});

test('what pods were given cannot be changed afterwards; the rest can', () => {
  const old = { value: 5, preemptionPolicy: 'PreemptLowerPriority' };
  expect(errorsOf('c', { ...old, description: 'for x', globalDefault: true }, old)).toEqual([]);
  expect(errorsOf('c', { value: 6, preemptionPolicy: 'Never' }, old)).toEqual([
    'value: Forbidden: may not be changed in an update.',
    'preemptionPolicy: Invalid value: "Never": field is immutable',
  ]);
});

test('the two that everybody relies on stay', () => {
  const remove = (name: string) => () => priorityClassStrategy.checkDelete?.({ name });
  expect(remove('system-node-critical')).toThrow(
    'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: ' +
      'this is a system priority class and cannot be deleted',
  );
  expect(remove('mine')).not.toThrow();
});
