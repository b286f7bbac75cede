import { describe, expect, it, test } from 'vitest';
import type { JsonObject } from './meta.ts';
import {
  amountsText,
  inScope,
  kindsCounted,
  namesFor,
  totalUsage,
  unsaid,
  usageOf,
} from './quota.ts';

const pods = { group: '', plural: 'pods' };
const volumes = { group: 'berth.dev', plural: 'volumes' };
const workloads = { group: 'berth.dev', plural: 'workloads' };

function pod(
  spec: JsonObject = {},
  status: JsonObject = {},
  metadata: JsonObject = {},
): JsonObject {
  return { metadata, spec: { containers: [{ name: 'c' }], ...spec }, status };
}

function asking(resources: JsonObject, more: JsonObject = {}): JsonObject {
  return pod({ containers: [{ name: 'c', resources }], ...more });
}

test('a pod uses what it asks for, by all names', () => {
  const resources = {
    requests: { cpu: '100m', memory: '1Gi', 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' },
    limits: { cpu: '1', memory: '1Gi', 'example.com/gpu': '2' },
  };
  expect(amountsText(usageOf(pods, asking(resources), 0))).toEqual({
    'count/pods': '1',
    cpu: '100m',
    'hugepages-2Mi': '4Mi',
    'limits.cpu': '1',
    'limits.memory': '1Gi',
    memory: '1Gi',
    pods: '1',
    'requests.cpu': '100m',
    'requests.example.com/gpu': '2',
    'requests.hugepages-2Mi': '4Mi',
    'requests.memory': '1Gi',
  });
});

test.each([
  ['has succeeded', pod({}, { phase: 'Succeeded' })],
  ['has failed', pod({}, { phase: 'Failed' })],
  [
    'should be gone by now',
    pod({}, {}, { deletionTimestamp: '1970-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 }),
  ],
])('a pod that %s is only an object', (_, object) => {
  expect(amountsText(usageOf(pods, object, 20_000))).toEqual({ 'count/pods': '1' });
});

test('other objects count as one', () => {
  expect(amountsText(usageOf(workloads, {}, 0))).toEqual({ 'count/workloads.berth.dev': '1' });
  const secrets = { group: '', plural: 'secrets' };
  expect(amountsText(usageOf(secrets, {}, 0))).toEqual({ 'count/secrets': '1', secrets: '1' });
});

test('names lead to the kinds they count, and back', () => {
  const hard = [
    'requests.example.com/gpu',
    'configmaps',
    'count/workloads.berth.dev',
    'limits.cpu',
    'requests.storage',
  ];
  expect(kindsCounted(hard)).toEqual([
    pods,
    { group: '', plural: 'configmaps' },
    workloads,
    volumes,
  ]);
  expect(namesFor(pods, hard)).toEqual(['requests.example.com/gpu', 'limits.cpu']);
  expect(namesFor(workloads, hard)).toEqual(['count/workloads.berth.dev']);
});

describe('scopes', () => {
  const quiet = pod();
  const busy = asking({ requests: { cpu: '1' } }, { activeDeadlineSeconds: 5 });
  const high = pod({ priorityClassName: 'high' });
  const scoped = (...scopes: string[]) => ({ spec: { scopes } });
  const selecting = (operator: string, ...values: string[]) => ({
    spec: {
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] },
    },
  });
  it.each<[JsonObject, JsonObject, boolean]>([
    [scoped('BestEffort'), quiet, true],
    [scoped('BestEffort'), busy, false],
    [scoped('NotBestEffort'), busy, true],
    [scoped('Terminating'), busy, true],
    [scoped('Terminating'), quiet, false],
    [scoped('NotTerminating', 'BestEffort'), quiet, true],
    [scoped('PriorityClass'), high, true],
    [scoped('PriorityClass'), quiet, false],
    [selecting('In', 'high', 'low'), high, true],
    [selecting('In', 'low'), high, false],
    [selecting('NotIn', 'low'), high, true],
    [selecting('NotIn', 'low'), quiet, true],
    [selecting('Exists'), high, true],
    [selecting('DoesNotExist'), high, false],
    [selecting('DoesNotExist'), quiet, true],
    [scoped('CrossNamespacePodAffinity'), quiet, false],
    [
      scoped('CrossNamespacePodAffinity'),
      pod({
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ namespaces: ['other'] }],
          },
        },
      }),
      true,
    ],
  ])('%j of %j: %s', (quota, object, is) => {
    expect(inScope(quota, pods, object)).toBe(is);
  });

  it('hold no other kinds', () => {
    expect(inScope(scoped('NotTerminating'), workloads, {})).toBe(false);
    expect(inScope({ spec: {} }, workloads, {})).toBe(true);
  });
});

test('what must be said, by container', () => {
  const object = pod({
    containers: [
      { name: 'b', resources: { requests: { cpu: '1' } } },
      { name: 'a', resources: { requests: { memory: '1' } } },
    ],
    initContainers: [{ name: 'i' }],
  });
  expect(unsaid(object, ['cpu', 'memory', 'pods', 'requests.example.com/gpu'])).toBe(
    'must specify cpu for: a,i; memory for: b,i',
  );
  expect(unsaid(object, ['pods'])).toBeUndefined();
});

test('the total of a quota has every name, and only what it counts', () => {
  const objects = new Map([
    ['pods', [asking({ requests: { cpu: '300m' } }), asking({ requests: { cpu: '700m' } })]],
    ['workloads', [{}, {}, {}]],
  ]);
  const names = ['cpu', 'pods', 'count/workloads.berth.dev', 'secrets'];
  const used = totalUsage({ spec: {} }, names, ({ plural }) => objects.get(plural) ?? [], 0);
  expect(amountsText(used)).toEqual({
    'count/workloads.berth.dev': '3',
    cpu: '1',
    pods: '2',
    secrets: '0',
  });
});
