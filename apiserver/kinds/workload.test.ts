import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { workloadStrategy } from './workload.ts';

function workload(spec: JsonObject = {}): JsonObject {
  const labels = { app: 'w' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  return {
    metadata: { name: 'w' },
    spec: { selector: { matchLabels: labels }, template, ...spec },
  };
}

const wrong = (object: JsonObject, old?: JsonObject) =>
  workloadStrategy.validate?.(object, old)?.map(({ field }) => field);

test('a plain one is in order', () => {
  expect(wrong(workload())).toEqual([]);
});

test('one with Stable identity that says nothing about updates has the defaults of the schema', () => {
  const update = { maxSurge: '25%', maxUnavailable: '25%' };
  expect(wrong(workload({ identity: 'Stable', update }))).toEqual([]);
});

test.each([
  [
    { identity: 'Stable', update: { maxSurge: '25%', maxUnavailable: 0 } },
    'spec.update.maxUnavailable',
  ],
  [{ selector: {} }, 'spec.selector'],
  [{ selector: { matchLabels: { app: 'x' } } }, 'spec.template.metadata.labels'],
  [{ identity: 'Stable', update: { maxSurge: 1 } }, 'spec.update.maxSurge'],
  [{ update: { maxSurge: 0, maxUnavailable: '0%' } }, 'spec.update.maxUnavailable'],
])('%j', (spec, field) => {
  expect(wrong(workload(spec))).toEqual([field]);
});

test('errors of the template are told with their place', () => {
  const template = {
    metadata: { labels: { app: 'w' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'c' }] },
  };
  expect(wrong(workload({ template }))).toEqual([
    'spec.template.spec.containers[0].image',
    'spec.template.spec.restartPolicy',
  ]);
});

test('the selector stays', () => {
  const selector = { matchLabels: { app: 'x' } };
  expect(wrong(workload({ selector }), workload())).toContain('spec.selector');
});
