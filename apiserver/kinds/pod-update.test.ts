import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { podUpdateErrors } from './pod-update.ts';

const old = {
  containers: [{ name: 'c', image: 'a:1' }],
  initContainers: [{ name: 'i', image: 'a:1' }],
  tolerations: [{ key: 'k', operator: 'Exists', tolerationSeconds: 5 }],
  activeDeadlineSeconds: 60,
  terminationGracePeriodSeconds: 30,
  schedulingGates: [{ name: 'example.com/a' }, { name: 'b' }],
};

const fields = (change: JsonObject, from: JsonObject = old) =>
  podUpdateErrors({ ...from, ...change }, from).map(({ field, type }) => [field, type]);

test.each([
  ['nothing', {}],
  ['images', { containers: [{ name: 'c', image: 'a:2' }] }],
  ['images of init containers', { initContainers: [{ name: 'i', image: 'a:2' }] }],
  ['a sooner deadline', { activeDeadlineSeconds: 30 }],
  ['one more toleration', { tolerations: [...old.tolerations, { operator: 'Exists' }] }],
  ['seconds of a toleration', { tolerations: [{ ...old.tolerations[0], tolerationSeconds: 9 }] }],
  ['a gate less', { schedulingGates: [{ name: 'b' }] }],
  ['no gate', { schedulingGates: [] }],
])('%s may change', (_what, change) => {
  expect(fields(change)).toEqual([]);
});

test.each([
  ['a container more', { containers: [...old.containers, { name: 'd' }] }, 'spec.containers'],
  ['no init container', { initContainers: [] }, 'spec.initContainers'],
  ['another container', { containers: [{ name: 'd', image: 'a:1' }] }, 'spec'],
  ['a toleration less', { tolerations: [] }, 'spec.tolerations'],
  ['the node', { nodeName: 'n' }, 'spec'],
  ['the grace period', { terminationGracePeriodSeconds: 5 }, 'spec'],
  ['another gate', { schedulingGates: [{ name: 'c' }] }, 'spec.schedulingGates'],
])('%s may not', (_what, change, field) => {
  expect(fields(change)).toEqual([[field, 'FieldValueForbidden']]);
});

test('a deadline may be set, but neither put off nor taken away', () => {
  const { activeDeadlineSeconds: _none, ...without } = old;
  const wrong = [['spec.activeDeadlineSeconds', 'FieldValueInvalid']];
  expect(fields({ activeDeadlineSeconds: 9 }, without)).toEqual([]);
  expect(fields({ activeDeadlineSeconds: 90 })).toEqual(wrong);
  expect(podUpdateErrors(without, old).map(({ field, type }) => [field, type])).toEqual(wrong);
});

test('a negative grace period may become 1', () => {
  const negative = { ...old, terminationGracePeriodSeconds: -1 };
  expect(fields({ terminationGracePeriodSeconds: 1 }, negative)).toEqual([]);
  expect(fields({ terminationGracePeriodSeconds: 2 }, negative)).toHaveLength(1);
});
