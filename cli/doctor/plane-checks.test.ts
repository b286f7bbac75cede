import { expect, test } from 'vitest';
import type { Node, Pod, VM, Volume } from '../../api/kinds.gen.ts';
import {
  failedChecks,
  nodesFinding,
  podsFinding,
  remedyOf,
  vmsFinding,
  volumesFinding,
} from './plane-checks.ts';

test('failed checks are read from what the server says', () => {
  const text =
    '[+]ping ok\n[-]store-space failed: no room; remedy: x\n[+]etcd ok\nreadyz check failed\n';
  expect(failedChecks(text)).toEqual([{ name: 'store-space', why: 'no room; remedy: x' }]);
  expect(failedChecks('ok')).toEqual([]);
});

test('the remedy is what to type, for the store at hand', () => {
  const etcd = remedyOf('store-space', 'etcds://a:2379,b');
  expect(etcd).toContain('--endpoints=https://a:2379,https://b:2379 compact $R');
  expect(etcd).toMatch(/defrag; .* alarm disarm$/);
  expect(remedyOf('store-space', 'embedded:/x/store')).toContain('/x/store');
  expect(remedyOf('etcd', 'etcd://a:1')).toContain('--endpoints=http://a:1 endpoint health');
});

function pod(name: string, status: Pod['status']): Pod {
  const metadata = { name, namespace: 'a' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] }, status } as Pod;
}

function waiting(name: string, reason: string): Pod {
  const state = { waiting: { reason } };
  const container = { name: 'c', state, ready: false, restartCount: 0, image: 'i', imageID: '' };
  return pod(name, { containerStatuses: [container] });
}

test('pods in trouble are grouped by reason, the greatest group first', () => {
  const loops = ['1', '2', '3', '4'].map((name) => waiting(name, 'CrashLoopBackOff'));
  const unbound = pod('u', {
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
  } as Pod['status']);
  const fine = [waiting('new', 'ContainerCreating'), pod('done', { phase: 'Succeeded' })];
  expect(podsFinding([unbound, ...fine, ...loops])).toMatchObject({
    state: 'optional',
    found: '4 CrashLoopBackOff: a/1, a/2, a/3 and 1 more; 1 Unschedulable: a/u',
  });
  expect(podsFinding(fine)).toMatchObject({ state: 'ok' });
});

test('machines and volumes in trouble are told like pods', () => {
  const metadata = { name: 'db', namespace: 'a' };
  const spec = { resources: {}, size: '1Gi' };
  const state = { waiting: { reason: 'CreateContainerError' } };
  const vm = { metadata, spec, status: { phase: 'Pending', restarts: 0, state } } as unknown as VM;
  expect(vmsFinding([vm])).toMatchObject({
    found: '1 CreateContainerError: a/db',
    remedy: 'kubectl describe vm -n a db',
  });
  const volume = (type: string, status: string, reason: string) =>
    ({ metadata, spec, status: { conditions: [{ type, status, reason }] } }) as unknown as Volume;
  expect(volumesFinding([volume('Ready', 'False', 'DiskFull')])).toMatchObject({
    found: '1 DiskFull: a/db',
  });
  expect(volumesFinding([volume('DeletionPending', 'True', 'InUse')])).toMatchObject({
    remedy: 'kubectl describe volume -n a db',
  });
  expect(volumesFinding([volume('Ready', 'False', 'Pending')])).toMatchObject({ state: 'ok' });
});

test('a node that is not ready is named with its own words', () => {
  const conditions = [{ type: 'Ready', status: 'False', message: 'docker: no answer' }];
  const node = { metadata: { name: 'n1' }, spec: {}, status: { conditions } } as unknown as Node;
  expect(nodesFinding([node])).toMatchObject({
    state: 'broken',
    found: '1 of 1 not ready: n1 (docker: no answer)',
  });
});
