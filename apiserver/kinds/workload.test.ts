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
  [{ progressDeadlineSeconds: 5, minReadySeconds: 5 }, 'spec.progressDeadlineSeconds'],
  [{ minReadySeconds: 600 }, 'spec.progressDeadlineSeconds'],
  [{ placement: { strategy: 'Each', nodes: 2 } }, 'spec.placement.perNode'],
  [{ placement: { strategy: 'Fill' } }, 'spec.placement.perNode'],
  [{ placement: { strategy: 'Pack', perNode: 2 } }, 'spec.placement.perNode'],
  [{ placement: { nodes: 2 } }, 'spec.placement.nodes'],
  [{ replicas: 2, placement: { gang: { minMember: 3 } } }, 'spec.placement.gang.minMember'],
])('%j', (spec, field) => {
  expect(wrong(workload(spec))).toEqual([field]);
});

test.each([
  { strategy: 'Each', perNode: 2, nodes: 3 },
  { strategy: 'Fill', perNode: 2 },
  { strategy: 'Spread', maxPerNode: 2 },
  { gang: { minMember: 1 } },
  { strategy: 'Each', perNode: 2, gang: { minMember: 4 } },
])('placement %j is in order', (placement) => {
  expect(wrong(workload({ placement }))).toEqual([]);
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

test('processes of the machine need no image', () => {
  const containers = [{ name: 'c', command: ['sleep', '1'] }];
  const template = { metadata: { labels: { app: 'w' } }, spec: { containers } };
  expect(wrong(workload({ template, runtime: 'systemd' }))).toEqual([]);
  expect(wrong(workload({ template }))).toEqual(['spec.template.spec.containers[0].image']);
});

test('the selector stays', () => {
  const selector = { matchLabels: { app: 'x' } };
  expect(wrong(workload({ selector }), workload())).toContain('spec.selector');
});

const never = {
  metadata: { labels: { app: 'w' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
};
const job = (spec: JsonObject = {}) => workload({ type: 'Job', template: never, ...spec });
const cron = (spec: JsonObject = {}) =>
  job({ type: 'Cron', schedule: '@daily', timeZone: 'Europe/Vienna', ...spec });

test('jobs and crons are in order', () => {
  expect(wrong(job({ completions: 3, backoffLimit: 0 }))).toEqual([]);
  expect(wrong(cron({ concurrencyPolicy: 'Forbid' }))).toEqual([]);
});

const rule = (fields: JsonObject) => ({
  podFailurePolicy: { rules: [{ action: 'FailJob', ...fields }] },
});

test.each([
  [workload({ completions: 3 }), 'spec.completions'],
  [workload({ schedule: '@daily' }), 'spec.schedule'],
  [job({ schedule: '@daily' }), 'spec.schedule'],
  [workload({ type: 'Job' }), 'spec.template.spec.restartPolicy'],
  [cron({ schedule: '* * * *' }), 'spec.schedule'],
  [cron({ schedule: '' }), 'spec.schedule'],
  [cron({ timeZone: 'Vienna' }), 'spec.timeZone'],
  [job(rule({})), 'spec.podFailurePolicy.rules[0]'],
  [
    job(rule({ onExitCodes: { operator: 'In', values: [1, 0] } })),
    'spec.podFailurePolicy.rules[0].onExitCodes.values[1]',
  ],
  [
    job(rule({ onExitCodes: { operator: 'In', values: [1], containerName: 'x' } })),
    'spec.podFailurePolicy.rules[0].onExitCodes.containerName',
  ],
  [workload({ dependsOn: [{ name: 'db' }, { name: 'w' }] }), 'spec.dependsOn[1].name'],
])('%#: %s', (object, field) => {
  expect(wrong(object)).toEqual([field]);
});

test('a job stays the job that it is', () => {
  expect(wrong(job({ completions: 4 }), job({ completions: 3 }))).toEqual(['spec.completions']);
  expect(wrong(job(), workload())).toEqual(['spec.type']);
  expect(wrong(job({ replicas: 4, completions: 3 }), job({ completions: 3 }))).toEqual([]);
});

test('a job says how often it runs and which pods are its own, unless you do', () => {
  const template = { spec: never.spec };
  const object: JsonObject = {
    metadata: { name: 'w' },
    spec: { type: 'Job', replicas: 3, template: structuredClone(template) },
  };
  const context = {
    user: { name: 'u', groups: [] },
    now: '',
    dryRun: false,
  };
  workloadStrategy.prepareForCreate?.(object, context);
  expect(object['spec']).toMatchObject({
    completions: 3,
    selector: { matchLabels: { 'berth.dev/workload': 'w' } },
  });
  expect(wrong(object)).toEqual([]);
  const update: JsonObject = {
    metadata: { name: 'w' },
    spec: { type: 'Job', replicas: 1, template: structuredClone(template) },
  };
  workloadStrategy.prepareForUpdate?.(update, object, context);
  expect(wrong(update, object)).toEqual([]);
});
