import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { workloadStrategy } from './workload.ts';

const template = (name: string, spec: JsonObject = {}): JsonObject => ({
  metadata: { name },
  spec: { size: '1Gi', ...spec },
});

function workload(templates: JsonObject[], more: JsonObject = {}, pod: JsonObject = {}) {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const containers = [{ name: 'c', image: 'web', volumeMounts }];
  const spec: JsonObject = {
    identity: 'Stable',
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers, ...pod } },
    volumeClaimTemplates: templates,
    ...more,
  };
  return { spec };
}

const wrong = (object: JsonObject, old?: JsonObject) =>
  workloadStrategy.validate?.(object, old)?.map(({ field }) => field);
const at = 'spec.volumeClaimTemplates';

test('containers mount what a template makes, and nothing else', () => {
  expect(wrong(workload([template('data')]))).toEqual([]);
  expect(wrong(workload([template('other')]))).toEqual([
    'spec.template.spec.containers[0].volumeMounts[0].name',
  ]);
});

test('instances must have names that last', () => {
  expect(wrong(workload([template('data')], { identity: 'Ephemeral' }))).toEqual([at]);
  expect(wrong(workload([template('data')], { type: 'Job' }))).toContain(at);
});

test('a template says what a Volume says, of none in particular', () => {
  expect(wrong(workload([template('data', { size: '0' })]))).toEqual([`${at}[0].spec.size`]);
  const bound = { nodeName: 'n1', allocation: { disk: 'd' }, source: { volume: 'a' } };
  expect(wrong(workload([template('data', bound)]))).toEqual([
    `${at}[0].spec.nodeName`,
    `${at}[0].spec.allocation`,
    `${at}[0].spec.source`,
  ]);
});

test('a name stands for one volume', () => {
  expect(wrong(workload([template('data'), template('data')]))).toEqual([`${at}[1].metadata.name`]);
  const volumes = [{ name: 'data', emptyDir: {} }];
  expect(wrong(workload([template('data')], {}, { volumes }))).toEqual([`${at}[0].metadata.name`]);
});

test('later a size may grow; what instances have already stays', () => {
  const old = workload([template('data'), template('logs')]);
  const now = (...templates: JsonObject[]) => wrong(workload(templates), old);
  const logs = template('logs');
  expect(now(template('data', { size: '2Gi', requests: { readIOPS: 1 } }), logs)).toEqual([]);
  expect(now(logs, template('data', { size: '1G' }))).toEqual([`${at}[1].spec.size`]);
  expect(now(template('data', { class: 'ssd' }), logs)).toEqual([`${at}[0].spec.class`]);
  expect(now(template('data'))).toEqual([at]);
  expect(now(template('data'), logs, template('more'))).toEqual([at]);
});
