import { expect, test } from 'vitest';
import type { Node, Pod, Taint, Toleration, Workload } from '../../api/kinds.gen.ts';
import { Heartbeats } from './heartbeats.ts';
import { healthTaints, silentConditions } from './node-health.ts';
import { toleratedMs } from './toleration.ts';
import { isWave } from './wave.ts';
import { whyBound } from './why-bound.ts';

const nowMs = Date.UTC(2026, 0, 1);

test('silence is counted by looking, not by the clock', () => {
  const beats = new Heartbeats(10_000);
  beats.tick(nowMs);
  beats.hear('a', '1');
  beats.tick(nowMs + 5_000);
  beats.hear('a', '1');
  expect(beats.silentMs('a')).toBe(5_000);
  // The clock is set an hour forward, then two hours back.
  beats.tick(nowMs + 3_600_000);
  expect(beats.silentMs('a')).toBe(15_000);
  beats.tick(nowMs - 3_600_000);
  expect(beats.silentMs('a')).toBe(15_000);
  beats.hear('a', '2');
  expect(beats.silentMs('a')).toBe(0);
  beats.tick(nowMs - 3_590_000);
  expect(beats.silentMs('a')).toBe(10_000);
  beats.startOver();
  expect(beats.silentMs('a')).toBe(0);
  expect(beats.silentMs('stranger')).toBe(0);
});

test.each([
  [1, 0, false],
  [1, 1, true],
  [2, 1, false],
  [2, 2, true],
  [3, 2, false],
  [4, 2, false],
  [5, 3, true],
  [10, 5, false],
  [10, 6, true],
  [100, 55, false],
  [100, 56, true],
])('of %i nodes %i not ready: wave %s', (nodes, disturbed, wave) => {
  expect(isWave(nodes, disturbed)).toBe(wave);
});

function nodeOf(
  taints: readonly Taint[],
  conditions: NonNullable<Node['status']>['conditions'] = [],
): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: {}, spec: { taints }, status: { conditions } };
}

test('taints go with readiness, and those of people stay', () => {
  const mine: Taint = { key: 'mine', effect: 'NoSchedule' };
  const names = (taints: readonly Taint[] | undefined) =>
    taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
  const silent = healthTaints(nodeOf([mine]), 'Unknown', nowMs);
  expect(names(silent)).toEqual([
    'mine:NoSchedule',
    'unreachable:NoSchedule',
    'unreachable:NoExecute',
  ]);
  expect(silent?.[2]?.timeAdded).toBe('2026-01-01T00:00:00Z');
  expect(healthTaints(nodeOf(silent ?? []), 'Unknown', nowMs + 1_000)).toBeUndefined();
  expect(names(healthTaints(nodeOf(silent ?? []), 'False', nowMs))).toEqual([
    'mine:NoSchedule',
    'not-ready:NoSchedule',
    'not-ready:NoExecute',
  ]);
  expect(healthTaints(nodeOf(silent ?? []), 'True', nowMs)).toEqual([mine]);
  expect(healthTaints(nodeOf([mine]), 'True', nowMs)).toBeUndefined();
});

test('a machine that is short of something takes no new pods until it has enough', () => {
  const full = { type: 'DiskPressure', status: 'True' } as const;
  const tainted = healthTaints(nodeOf([], [full]), 'True', nowMs) ?? [];
  expect(tainted).toMatchObject([
    { key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' },
  ]);
  expect(healthTaints(nodeOf(tainted, [full]), 'True', nowMs)).toBeUndefined();
  const well = { type: 'DiskPressure', status: 'False' } as const;
  expect(healthTaints(nodeOf(tainted, [well]), 'True', nowMs)).toEqual([]);
});

test('what the agent last said stays readable', () => {
  const lastHeartbeatTime = '2025-12-31T23:59:00Z';
  const ready = { type: 'Ready', status: 'True', reason: 'AgentReady', lastHeartbeatTime } as const;
  const other = { type: 'Mine', status: 'True' } as const;
  const conditions = silentConditions(nodeOf([], [ready, other]), nowMs) ?? [];
  expect(conditions).toHaveLength(5);
  expect(conditions).toContainEqual(other);
  expect(conditions).toContainEqual({
    type: 'Ready',
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Agent stopped posting node status.',
    lastHeartbeatTime,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  expect(conditions.find(({ type }) => type === 'DiskPressure')?.reason).toBe(
    'NodeStatusNeverUpdated',
  );
  expect(silentConditions(nodeOf([], conditions), nowMs)).toBeUndefined();
});

function podOf(
  fields: { tolerations?: Toleration[]; volumes?: object[]; owner?: string } = {},
): Pod {
  const { tolerations = [], volumes = [], owner = 'Workload' } = fields;
  const apiVersion = owner === 'Workload' ? 'berth.dev/v1' : 'example.com/v1';
  const reference = { apiVersion, kind: owner, name: 'web', uid: 'u', controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'a', ...(owner ? { ownerReferences: [reference] } : {}) },
    spec: { containers: [], tolerations, volumes },
  } as unknown as Pod;
}

const unreachable: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' };
const people: Taint = { key: 'k', value: 'v', effect: 'NoExecute' };
const forever = Number.POSITIVE_INFINITY;

test.each<[string, Toleration[], Taint, number]>([
  ['nothing said, a dead node', [], unreachable, 300_000],
  ['nothing said, a taint of people', [], people, 0],
  ['everything', [{ operator: 'Exists' }], unreachable, forever],
  ['everything, for a while', [{ operator: 'Exists', tolerationSeconds: 5 }], unreachable, 5_000],
  [
    'this key',
    [{ key: unreachable.key, operator: 'Exists', tolerationSeconds: 0 }],
    unreachable,
    0,
  ],
  ['another key', [{ key: 'x', operator: 'Exists' }], unreachable, 300_000],
  ['the same value', [{ key: 'k', value: 'v' }], people, forever],
  ['another value', [{ key: 'k', value: 'w' }], people, 0],
  ['another effect', [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }], people, 0],
  ['a negative time', [{ operator: 'Exists', tolerationSeconds: -3 }], people, 0],
])('tolerated: %s', (_name, tolerations, taint, ms) => {
  expect(toleratedMs(podOf({ tolerations }), taint, 300_000)).toBe(ms);
});

test('only what may exist twice is free to move', () => {
  const workload = (spec: object = {}, uid = 'u') =>
    ({ metadata: { name: 'web', uid }, spec }) as unknown as Workload;
  const annotated = (annotations: Record<string, string>) => {
    const pod = podOf();
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  };
  expect(whyBound(podOf(), workload())).toBeUndefined();
  expect(whyBound(podOf({ volumes: [{ name: 'e', emptyDir: {} }] }), workload())).toBeUndefined();
  expect(whyBound(podOf(), workload({ placement: { perNode: 1, nodes: 2 } }))).toBeUndefined();
  const bound = [
    whyBound(podOf({ owner: '' }), undefined),
    whyBound(podOf({ owner: 'Fleet' }), undefined),
    whyBound(podOf(), undefined),
    whyBound(podOf(), workload({}, 'another')),
    whyBound(podOf(), workload({ identity: 'Stable' })),
    whyBound(annotated({ 'berth.dev/ip-reservation': 'db' }), workload()),
    whyBound(annotated({ 'berth.dev/running': 'false' }), workload()),
    whyBound(podOf({ volumes: [{ name: 'd', persistentVolumeClaim: {} }] }), workload()),
    whyBound(podOf({ volumes: [{ name: 'd', ephemeral: {} }] }), workload()),
    whyBound(podOf(), workload({ placement: { strategy: 'Each', perNode: 1 } })),
  ];
  expect(bound.filter((why) => why === undefined)).toEqual([]);
});
