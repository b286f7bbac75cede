import { describe, expect, it } from 'vitest';
import type { Container, Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { nodeRecord } from './node-record.ts';
import { allocationOf, podRequest } from './pod-request.ts';
import { dimensions } from './testing.ts';

type Requests = Readonly<Record<string, string | number>>;

function container(requests: Requests, more: Partial<Container> = {}): Container {
  return { name: 'c', resources: { requests }, ...more };
}

function pod(spec: Partial<Pod['spec']>, metadata: Pod['metadata'] = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { uid: 'u', ...metadata },
    spec: { containers: [], ...spec },
  };
}

function amounts(spec: Partial<Pod['spec']>): Record<string, number> {
  const request = podRequest(pod(spec), undefined, dimensions);
  return Object.fromEntries(request.amounts.map(({ resource, amount }) => [resource, amount]));
}

describe('podRequest', () => {
  it('adds containers up, in smallest units, rounding up', () => {
    const containers = [
      container({ cpu: '0.5', memory: '1Gi', 'example.com/gpu': 1 }),
      container({ cpu: '100.1m', memory: '1500m' }),
    ];
    expect(amounts({ containers })).toEqual({
      cpu: 601,
      memory: 1024 ** 3 + 2,
      'example.com/gpu': 1,
      pods: 1,
    });
  });

  it('takes a limit for a request that is missing', () => {
    const resources = { limits: { cpu: '2', memory: '1Ki' }, requests: { cpu: '1' } };
    expect(amounts({ containers: [{ name: 'c', resources }] })).toEqual({
      cpu: 1000,
      memory: 1024,
      pods: 1,
    });
  });

  it('counts init containers one at a time, and sidecars beside all that follow', () => {
    const sidecar = { restartPolicy: 'Always' };
    const initContainers = [
      container({ cpu: '3' }),
      container({ cpu: '1' }, sidecar),
      container({ cpu: '2500m', memory: 7 }),
    ];
    expect(amounts({ initContainers, containers: [container({ cpu: '2' })] })).toEqual({
      cpu: 3500,
      memory: 7,
      pods: 1,
    });
    expect(amounts({ initContainers, containers: [container({ cpu: '4' })] })['cpu']).toBe(5000);
  });

  it('takes huge amounts as the largest exact one', () => {
    expect(amounts({ containers: [container({ memory: '7Ei' })] })['memory']).toBe(2 ** 53 - 1);
  });

  it('reads owner, strategy, runtime and constraints', () => {
    const workload = { spec: { placement: { strategy: 'Pack', maxPerNode: 3 } } } as Workload;
    const reference = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'w' };
    const ownerReferences = [
      { ...reference, uid: 'other' },
      { ...reference, uid: 'w-uid', controller: true },
    ];
    const spec: Partial<Pod['spec']> = {
      runtimeClassName: 'systemd',
      nodeSelector: { b: '2', a: '1' },
      tolerations: [{ operator: '', key: 'k', effect: '' }, { operator: 'Exists' }],
    };
    expect(podRequest(pod(spec, { ownerReferences }), workload, dimensions)).toMatchObject({
      uid: 'u',
      owner: 'w-uid',
      runtime: 'systemd',
      strategy: 'Pack',
      maxPerNode: 3,
      nodeSelector: [
        ['a', '1'],
        ['b', '2'],
      ],
      tolerations: [{ operator: 'Equal', key: 'k' }, { operator: 'Exists' }],
    });
  });

  it('puts equal pods into one class and others not', () => {
    const classOf = (cpu: string, uid: string) =>
      podRequest(pod({ containers: [container({ cpu })] }, { uid }), undefined, dimensions)
        .classKey;
    expect(classOf('1', 'a')).toBe(classOf('1000m', 'b'));
    expect(classOf('1', 'a')).not.toBe(classOf('2', 'a'));
  });

  it('finds host ports', () => {
    const ports = [
      { containerPort: 80 },
      { containerPort: 81, hostPort: 8081, hostIP: '10.0.0.1', protocol: 'UDP' as const },
    ];
    const parts = (hostNetwork: boolean) =>
      podRequest(pod({ hostNetwork, containers: [{ name: 'c', ports }] }), undefined, dimensions)
        .parts;
    const named = { protocol: 'UDP', hostIP: '10.0.0.1', port: 8081 };
    expect(parts(false)).toEqual([{ dimension: 'hostPorts', need: [named] }]);
    const open = { protocol: 'TCP', hostIP: '0.0.0.0', port: 80 };
    expect(parts(true)).toEqual([{ dimension: 'hostPorts', need: [open, named] }]);
  });
});

describe('allocationOf', () => {
  it.each([
    [undefined, {}],
    ['{"hostPorts":[]}', { hostPorts: [] }],
    ['[1]', {}],
    ['null', {}],
    ['{', {}],
  ])('%s', (text, expected) => {
    const annotations = text === undefined ? {} : { 'berth.dev/allocation': text };
    expect(allocationOf(pod({}, { annotations }))).toEqual(expected);
  });
});

describe('nodeRecord', () => {
  const bare: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} };

  it('takes a node that says nothing as one that is not ready and has Docker', () => {
    expect(nodeRecord(bare, dimensions)).toEqual({
      name: 'n',
      labels: {},
      traits: { ready: 'Unknown', unschedulable: false, taints: [], runtimes: ['docker'] },
      capacity: [],
    });
  });

  it('rounds capacity down', () => {
    const allocatable = { cpu: '1.9999', memory: '1.5', pods: 10, 'example.com/x': '2' };
    expect(nodeRecord({ ...bare, status: { allocatable } }, dimensions).capacity).toEqual([
      { resource: 'cpu', amount: 1999 },
      { resource: 'example.com/x', amount: 2 },
      { resource: 'memory', amount: 1 },
      { resource: 'pods', amount: 10 },
    ]);
  });

  it.each([
    [{ annotations: { 'berth.dev/runtimes': 'systemd, docker' } }, ['docker', 'systemd']],
    [{ labels: { 'berth.dev/runtimes': 'systemd' } }, ['systemd']],
    [{ annotations: { 'berth.dev/runtimes': '' } }, []],
  ])('reads runtimes from %j', (metadata, runtimes) => {
    const node = { ...bare, metadata: { name: 'n', ...metadata } };
    expect(nodeRecord(node, dimensions).traits.runtimes).toEqual(runtimes);
  });
});
