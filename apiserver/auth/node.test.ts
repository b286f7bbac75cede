import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { fromObject } from '../storage/cached.ts';
import type { Attributes } from './authorize.ts';
import { createNodeAuthorizer, nodeNameOf } from './node.ts';
import type { RbacSource } from './rbac.ts';

const pods: Record<string, JsonObject> = {
  'berth.dev/vms/a/machine': {
    kind: 'VM',
    metadata: { name: 'machine' },
    spec: {
      nodeName: 'n1',
      interfaces: [{ pool: 'lan' }, { pool: 'lan' }, { reservation: 'named' }],
    },
  },
  'core/pods/a/mine': {
    metadata: { annotations: { 'berth.dev/ip-reservation': 'of-pod' } },
    spec: {
      nodeName: 'n1',
      serviceAccountName: 'robot',
      containers: [
        {
          env: [{ valueFrom: { secretKeyRef: { name: 'by-env' } } }],
          envFrom: [{ configMapRef: { name: 'cm' } }],
        },
      ],
      volumes: [{ secret: { secretName: 'by-volume' } }],
      imagePullSecrets: [{ name: 'pull' }],
    },
  },
  'core/pods/a/theirs': {
    metadata: { annotations: { 'berth.dev/ip-reservation': 'hidden' } },
    spec: { nodeName: 'n2', volumes: [{ secret: { secretName: 'hidden' } }] },
  },
};
const volumes: Record<string, JsonObject> = {
  'berth.dev/volumes/a/here': { spec: { nodeName: 'n1' } },
  'berth.dev/volumes/a/there': { spec: { nodeName: 'n2' } },
  'berth.dev/volumes/a/nowhere': { spec: {} },
  'berth.dev/volumesnapshots/a/here': { spec: { nodeName: 'n1' } },
  'berth.dev/volumesnapshots/a/there': { spec: { nodeName: 'n2' } },
  'berth.dev/volumesnapshots/a/nowhere': { spec: {} },
};
const cached = Object.entries({ ...pods, ...volumes }).map(([key, object]) =>
  fromObject(key, object, 1n),
);
const source: RbacSource = {
  get: (key) => cached.find((each) => each.key === key),
  list: (prefix) => cached.filter((each) => each.key.startsWith(prefix)),
};
const node = { name: 'system:node:n1', groups: ['system:nodes'] };

function may(verb: string, resource: string, more: Partial<Attributes> = {}): boolean {
  const attributes: Attributes = {
    isResource: true,
    verb,
    group: '',
    resource,
    subresource: '',
    namespace: 'a',
    name: '',
    path: '',
    fieldSelector: '',
    ...more,
  };
  return createNodeAuthorizer(source)(node, attributes) === 'allow';
}

test('a node is known by name and group together', () => {
  expect(nodeNameOf(node)).toBe('n1');
  expect(nodeNameOf({ name: 'system:node:n1', groups: [] })).toBeUndefined();
  expect(nodeNameOf({ name: 'alice', groups: ['system:nodes'] })).toBeUndefined();
});

test('tokens may be asked for of the accounts that its own pods act as', () => {
  const token = { subresource: 'token' };
  expect(may('create', 'serviceaccounts', { name: 'robot', ...token })).toBe(true);
  expect(may('create', 'serviceaccounts', { name: 'other', ...token })).toBe(false);
  expect(may('create', 'serviceaccounts', { name: 'robot', namespace: 'b', ...token })).toBe(false);
  expect(may('create', 'serviceaccounts', { name: 'robot' })).toBe(false);
});

test('events are created and counted, one or many in a request', () => {
  for (const verb of ['create', 'patch']) expect(may(verb, 'events', { name: 'e' })).toBe(true);
  expect(may('delete', 'events', { name: 'e' })).toBe(false);
  const many = { group: 'berth.dev', namespace: '' };
  expect(may('create', 'events', many)).toBe(true);
  expect(may('list', 'events', many)).toBe(false);
});

test.each(['volumes', 'volumesnapshots'])('%s that lie on it, and only those', (kind) => {
  const group = 'berth.dev';
  for (const verb of ['get', 'patch', 'update']) {
    expect(may(verb, kind, { group, name: 'here' })).toBe(true);
    expect(may(verb, kind, { group, name: 'here', subresource: 'status' })).toBe(true);
    expect(may(verb, kind, { group, name: 'there' })).toBe(false);
    expect(may(verb, kind, { group, name: 'nowhere' })).toBe(false);
  }
  for (const verb of ['create', 'delete'])
    expect(may(verb, kind, { group, name: 'here' })).toBe(false);
  const selected = (node: string) => ({ group, fieldSelector: `spec.nodeName=${node}` });
  expect(may('watch', kind, selected('n1'))).toBe(true);
  expect(may('list', kind, selected('n2'))).toBe(false);
  expect(may('list', kind, { group })).toBe(false);
});

describe('pods', () => {
  test('its own may be read, deleted and given a status, no others', () => {
    expect(may('get', 'pods', { name: 'mine' })).toBe(true);
    expect(may('delete', 'pods', { name: 'mine' })).toBe(true);
    expect(may('patch', 'pods', { name: 'mine', subresource: 'status' })).toBe(true);
    expect(may('patch', 'pods', { name: 'mine' })).toBe(false);
    expect(may('get', 'pods', { name: 'theirs' })).toBe(false);
    expect(may('patch', 'pods', { name: 'theirs', subresource: 'status' })).toBe(false);
  });

  test('lists and watches are limited to its node', () => {
    expect(may('watch', 'pods', { fieldSelector: 'spec.nodeName=n1' })).toBe(true);
    expect(may('watch', 'pods', { fieldSelector: 'spec.nodeName=n2' })).toBe(false);
    expect(may('watch', 'pods', { fieldSelector: 'spec.nodeName!=n1' })).toBe(false);
    expect(may('list', 'pods')).toBe(false);
  });
});

test('secrets and config maps that its pods refer to, one by one', () => {
  for (const name of ['by-env', 'by-volume', 'pull'])
    expect(may('get', 'secrets', { name })).toBe(true);
  expect(may('get', 'secrets', { name: 'hidden' })).toBe(false);
  expect(may('get', 'configmaps', { name: 'cm' })).toBe(true);
  expect(may('get', 'configmaps', { name: 'by-volume' })).toBe(false);
  expect(may('list', 'secrets')).toBe(false);
  expect(may('update', 'secrets', { name: 'by-env' })).toBe(false);
});

test('its own Node and lease, not those of others', () => {
  expect(may('patch', 'nodes', { name: 'n1', subresource: 'status', namespace: '' })).toBe(true);
  expect(may('patch', 'nodes', { name: 'n2', subresource: 'status', namespace: '' })).toBe(false);
  const lease = { group: 'coordination.k8s.io', namespace: 'kube-node-lease' };
  expect(may('update', 'leases', { ...lease, name: 'n1' })).toBe(true);
  expect(may('update', 'leases', { ...lease, name: 'n2' })).toBe(false);
});

test('the topology of itself, which it makes and tells but does not delete', () => {
  const own = { group: 'berth.dev', name: 'n1', namespace: '' };
  expect(may('create', 'nodetopologies', { ...own, name: '' })).toBe(true);
  for (const verb of ['get', 'list', 'watch']) expect(may(verb, 'nodetopologies', own)).toBe(true);
  expect(may('update', 'nodetopologies', { ...own, subresource: 'status' })).toBe(true);
  for (const verb of ['update', 'patch', 'delete'])
    expect(may(verb, 'nodetopologies', own)).toBe(false);
  for (const name of ['n2', '']) {
    expect(may('get', 'nodetopologies', { ...own, name })).toBe(false);
    expect(may('list', 'nodetopologies', { ...own, name })).toBe(false);
    expect(may('update', 'nodetopologies', { ...own, name, subresource: 'status' })).toBe(false);
  }
});

test('pools may be read, and the reservations of what is bound to it', () => {
  const berth = { group: 'berth.dev' };
  expect(may('list', 'ippools', berth)).toBe(true);
  expect(may('update', 'ippools', berth)).toBe(false);
  expect(may('list', 'ipaddresses', berth)).toBe(false);
  for (const name of ['of-pod', 'machine', 'machine-1', 'named'])
    expect(may('get', 'ipreservations', { ...berth, name })).toBe(true);
  expect(may('watch', 'ipreservations', { ...berth, name: 'of-pod' })).toBe(true);
  expect(may('update', 'ipreservations', { ...berth, name: 'of-pod' })).toBe(false);
  expect(may('list', 'ipreservations', berth)).toBe(false);
  expect(may('get', 'ipreservations', { ...berth, name: 'hidden' })).toBe(false);
});
