import { expect, test } from 'vitest';
import type { Node, Pod, VM } from '../../api/kinds.gen.ts';
import { podOfVm } from '../../api/vm-instance.ts';
import { growthObstacle, heldBack } from './room-to-grow.ts';

const vm = (cpu: string, memory: string, more: Partial<VM['spec']> = {}) =>
  podOfVm({
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name: 'db', uid: 'db' },
    spec: { resources: { requests: { cpu, memory } }, ...more },
  });
const pod = (
  uid: string,
  requests: Record<string, string>,
  phase: 'Running' | 'Succeeded' = 'Running',
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, uid },
  spec: { containers: [{ name: 'c', resources: { requests } }] },
  status: { phase },
});
const node = (annotations: Record<string, string> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', annotations },
  spec: {},
  status: { allocatable: { cpu: '4', memory: '4Gi' } },
});
const have = { cpus: 1, memoryBytes: 1n << 30n };
const others = [
  pod('web', { cpu: '1500m', memory: '2Gi' }),
  pod('job', { cpu: '2', memory: '2Gi' }, 'Succeeded'),
  // Itself, as it is stored.
  vm('9', '9Gi'),
];

test('it grows into what the others leave, those that ended left out', () => {
  expect(growthObstacle(vm('2', '2Gi'), have, others, node())).toBeUndefined();
  expect(growthObstacle(vm('3', '1Gi'), have, others, node())).toBe(
    'spec.resources.requests.cpu: 3 is asked for, and node n1 has 2500m for it: ' +
      'ask for less, or free some there; it is tried again',
  );
  expect(growthObstacle(vm('1', '2049Mi'), have, others, node())).toContain(
    'spec.resources.requests.memory: 2049Mi is asked for, and node n1 has 2Gi for it',
  );
});

test('what does not grow is not judged, on a node that is too full neither', () => {
  const full = [...others, pod('big', { cpu: '9', memory: '9Gi' })];
  expect(growthObstacle(vm('1', '1Gi'), have, full, node())).toBeUndefined();
  expect(growthObstacle(vm('500m', '512Mi'), have, full, node())).toBeUndefined();
  expect(growthObstacle(vm('1', '1025Mi'), have, full, node())).toBeUndefined();
  expect(growthObstacle(vm('1', '1026Mi'), have, full, node())).toContain('has 0 for it');
});

test('people may say what a node has, keeps back and sells', () => {
  const grown = (annotations: Record<string, string>) =>
    growthObstacle(vm('3', '3Gi'), have, others, node(annotations)) === undefined;
  expect(grown({})).toBe(false);
  expect(grown({ 'berth.dev/cpu-oversell': '1.5', 'berth.dev/oversell': 'memory=1.3' })).toBe(true);
  expect(grown({ 'berth.dev/capacity': 'cpu=8,memory=8Gi' })).toBe(true);
  const kept = { 'berth.dev/capacity': 'cpu=8,memory=8Gi', 'berth.dev/reserved': 'cpu=4' };
  expect(grown(kept)).toBe(false);
  // Nobody has told yet.
  expect(growthObstacle(vm('3', '3Gi'), have, others, undefined)).toBeUndefined();
});

test('cores of its own are those that it was given', () => {
  const bound = (cpu: string) =>
    vm(cpu, '1Gi', {
      cpu: { binding: 'Bound' },
      allocation: { cpuBound: { cores: { 0: 100, 1: 50 } } },
    });
  expect(growthObstacle(bound('2'), have, [], node())).toBeUndefined();
  expect(growthObstacle(bound('3'), have, [], node())).toContain(
    'it was given 1.5 cores of its own when it was placed: ask for no more',
  );
});

test('what does not fit starts with what it had, and without what was made for more', () => {
  const boot = { type: 'disk' } as const;
  const machine = {
    ...{ boot, disks: [], interfaces: [], graphics: false },
    ...{ cpus: 4, cpusMax: 8, topology: { sockets: 1, cores: 8, threads: 1 } },
    ...{ memoryBytes: 4n << 30n, memoryMaxBytes: 8n << 30n },
  };
  const { cpusMax, topology, ...fewer } = machine;
  expect(heldBack(machine, { cpus: 2, memoryBytes: 6n << 30n })).toEqual({ ...fewer, cpus: 2 });
  const { memoryMaxBytes, ...less } = machine;
  expect(heldBack(machine, { cpus: 4, memoryBytes: 1n << 30n })).toEqual({
    ...less,
    memoryBytes: 1n << 30n,
  });
});
