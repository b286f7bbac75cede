import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { podStrategy } from './pod.ts';
import { workloadStrategy } from './workload.ts';

function pod(binding: string | undefined, ...cpus: readonly string[]): JsonObject {
  const annotations = binding === undefined ? {} : { 'berth.dev/cpu-binding': binding };
  const containers = cpus.map((cpu, i) => ({
    name: `c${i}`,
    image: 'busybox',
    resources: { requests: { cpu } },
  }));
  return { metadata: { name: 'p', annotations }, spec: { containers } };
}

const messages = (object: JsonObject, old?: JsonObject) =>
  podStrategy.validate?.(object, old).map(({ field, message }) => `${field} ${message}`);

test.each([
  [undefined, ['4m'], ''],
  ['Shared', ['4m'], ''],
  ['Bound', ['1.3'], ''],
  ['Bound', ['5m', '5m'], ''],
  ['Bound', ['5m'], 'the containers must ask for at least 10m of cpu in all to be bound to cores'],
  ['bound', ['1'], 'Unsupported value: "bound": supported values: "Bound", "Shared"'],
])('a pod that says %s and asks for %j: %s', (binding, cpus, expected) => {
  const [error = '', ...more] = messages(pod(binding, ...cpus)) ?? [];
  expect(more).toEqual([]);
  expect(error).toContain(expected);
  expect(error === '').toBe(expected === '');
  if (error !== '') expect(error).toContain('metadata.annotations[berth.dev/cpu-binding]');
});

test('a pod cannot be bound, or let go, afterwards', () => {
  const [bound, shared] = [pod('Bound', '1'), pod(undefined, '1')];
  expect(messages(bound, bound)).toEqual([]);
  for (const [now, before] of [
    [bound, shared],
    [shared, bound],
  ] as const) {
    expect(messages(now, before)?.join()).toMatch(/cpu-binding\] Forbidden: may not be changed/);
  }
});

test('a template is judged as a pod', () => {
  const { metadata, spec } = pod('bound', '1');
  const workload = { metadata: { name: 'w' }, spec: { template: { metadata, spec } } };
  const fields = workloadStrategy.validate?.(workload, undefined).map(({ field }) => field);
  expect(fields).toContain('spec.template.metadata.annotations[berth.dev/cpu-binding]');
});
