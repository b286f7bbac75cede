import { expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { restrictNode } from './node-restriction.ts';

const user = { name: 'system:node:n1', groups: ['system:nodes'] };
const node: JsonObject = {
  metadata: { name: 'n1', labels: { zone: 'a', 'kubernetes.io/arch': 'amd64' } },
  spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] },
};
const pod: JsonObject = {
  metadata: { name: 'p', namespace: 'a', labels: { app: 'x' } },
  spec: { nodeName: 'n1' },
};

/** The error's text, or `allowed`. */
function write(plural: string, object: JsonObject, old?: JsonObject, group = ''): string {
  try {
    restrictNode({ user, group, plural, object, old });
    return 'allowed';
  } catch (error) {
    return String(error);
  }
}

function labelled(labels: JsonObject): JsonObject {
  return { ...node, metadata: { name: 'n1', labels } };
}

test('a node writes its own Node, whose taints and guarded labels are not its business', () => {
  expect(write('nodes', node)).toBe('allowed');
  expect(write('nodes', { ...node, metadata: { name: 'n2' } })).toMatch(
    /not allowed to modify node "n2"/,
  );
  expect(write('nodes', { ...node, spec: {} }, node)).toMatch(/taints/);
  const owned = { ...node, metadata: { name: 'n1', ownerReferences: [{ name: 'x' }] } };
  expect(write('nodes', owned, node)).toMatch(/owner references/);
  const before = labelled({});
  expect(write('nodes', labelled({ 'topology.kubernetes.io/zone': 'b', mine: '1' }), before)).toBe(
    'allowed',
  );
  for (const label of [
    'node-restriction.kubernetes.io/pci',
    'node-role.kubernetes.io/control-plane',
    'x.k8s.io/y',
  ])
    expect(write('nodes', labelled({ [label]: '' }), before)).toMatch(/modify labels/);
  // Nor may it take one away.
  expect(write('nodes', before, labelled({ 'node-restriction.kubernetes.io/pci': '' }))).toMatch(
    /labels/,
  );
});

test('the topology of itself, of which it writes no wishes', () => {
  const topology = (name: string, more: object = {}) => ({ metadata: { name }, ...more });
  const group = 'berth.dev';
  const wish = { spec: { measure: [{ disk: 'local' }] } };
  const told = { status: { kernel: '6.1' } };
  expect(write('nodetopologies', topology('n1'), undefined, group)).toBe('allowed');
  expect(write('nodetopologies', topology('n2'), undefined, group)).toMatch(/its own/);
  expect(write('nodetopologies', topology('n1', wish), undefined, group)).toMatch(/spec/);
  const before = topology('n1', wish);
  expect(write('nodetopologies', topology('n1', { ...wish, ...told }), before, group)).toBe(
    'allowed',
  );
  expect(write('nodetopologies', topology('n1', told), before, group)).toMatch(/spec/);
  const owned = { metadata: { name: 'n1', ownerReferences: [{ name: 'x' }] }, ...wish };
  expect(write('nodetopologies', owned, before, group)).toMatch(/ownerReferences/);
});

test('its own lease only, in its place', () => {
  const lease = (name: string, namespace = 'kube-node-lease') => ({
    metadata: { name, namespace },
  });
  const group = 'coordination.k8s.io';
  expect(write('leases', lease('n1'), undefined, group)).toBe('allowed');
  expect(write('leases', lease('n2'), undefined, group)).toMatch(/own lease/);
  expect(write('leases', lease('n1', 'kube-system'), undefined, group)).toMatch(/own lease/);
});

test('the status of its pods, not what they are called and belong to', () => {
  expect(write('pods', { ...pod, status: { phase: 'Running' } }, pod)).toBe('allowed');
  const relabelled = { ...pod, metadata: { name: 'p', namespace: 'a', labels: { app: 'y' } } };
  expect(write('pods', relabelled, pod)).toMatch(/metadata.labels/);
  expect(write('pods', { ...pod, spec: { nodeName: 'n2' } }, pod)).toMatch(/bound to it/);
});

test('nobody else is held to that', () => {
  const admin = { name: 'system:node:n1', groups: ['system:masters'] };
  const object = { ...node, metadata: { name: 'n2' } };
  expect(() =>
    restrictNode({ user: admin, group: '', plural: 'nodes', object, old: undefined }),
  ).not.toThrow();
});

test('of a Volume on it: its status, and that its data are gone', () => {
  const guards = ['berth.dev/volume-data', 'berth.dev/volume-protection'];
  const volume = (more: JsonObject = {}, spec: JsonObject = {}): JsonObject => ({
    metadata: { name: 'v', namespace: 'a', finalizers: guards, ...more },
    spec: { nodeName: 'n1', size: '1Gi', ...spec },
  });
  const change = (object: JsonObject) => write('volumes', object, volume(), 'berth.dev');
  expect(change({ ...volume(), status: { phase: 'Ready' } })).toBe('allowed');
  expect(change(volume({ finalizers: ['berth.dev/volume-protection'] }))).toBe('allowed');
  expect(change(volume({ finalizers: ['berth.dev/volume-data'] }))).toMatch(/may only take/);
  expect(change(volume({ finalizers: [] }))).toMatch(/may only take/);
  expect(change(volume({}, { size: '2Gi' }))).toMatch(/modify spec/);
  expect(change(volume({}, { nodeName: 'n2' }))).toMatch(/bound to it/);
  expect(change(volume({ labels: { a: 'b' } }))).toMatch(/modify metadata.labels/);
  expect(change(volume({ annotations: { a: 'b' } }))).toMatch(/modify metadata.annotations/);
});
