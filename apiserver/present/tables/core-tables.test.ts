import { describe, expect, it } from 'vitest';
import type { JsonRecord } from '../json-record.ts';
import { coreTables } from './core-tables.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const metadata = { name: 'x', creationTimestamp: '2026-01-01T11:59:00Z' };

function cells(id: string, object: JsonRecord) {
  const table = coreTables[id];
  if (table === undefined) throw new Error(`no table ${id}`);
  const made = table.cells({ metadata, ...object }, nowMs);
  expect(made, 'one cell per column').toHaveLength(table.columns.length);
  return made;
}

describe('core tables', () => {
  it.each<[string, JsonRecord, unknown[]]>([
    ['namespaces', { status: { phase: 'Active' } }, ['x', 'Active', '60s']],
    ['configmaps', { data: { a: '1' }, binaryData: { b: '' } }, ['x', 2, '60s']],
    ['configmaps', {}, ['x', 0, '60s']],
    ['secrets', { type: 'Opaque', data: { a: '' } }, ['x', 'Opaque', 1, '60s']],
    ['serviceaccounts', {}, ['x', '60s']],
    ['poddisruptionbudgets.policy', { spec: { minAvailable: 2 } }, ['x', '2', 'N/A', 0, '60s']],
    [
      'priorityclasses.scheduling.k8s.io',
      { value: 7, preemptionPolicy: 'Never' },
      ['x', 7, false, '60s', 'Never'],
    ],
    [
      'certificatesigningrequests.certificates.k8s.io',
      {},
      ['x', '60s', '<none>', '', '<none>', 'Pending'],
    ],
    ['leases.coordination.k8s.io', { spec: { holderIdentity: 'me' } }, ['x', 'me', '60s']],
    [
      'clusterrolebindings.rbac.authorization.k8s.io',
      {
        roleRef: { kind: 'ClusterRole', name: 'view' },
        subjects: [
          { kind: 'User', name: 'u1' },
          { kind: 'User', name: 'u2' },
          { kind: 'ServiceAccount', namespace: 'ns', name: 'sa' },
        ],
      },
      ['x', 'ClusterRole/view', '60s', 'u1, u2', '', 'ns/sa'],
    ],
  ])('%s %j', (id, object, expected) => {
    expect(cells(id, object)).toEqual(expected);
  });

  it('nodes', () => {
    const node = {
      metadata: {
        ...metadata,
        labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge' },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'Unknown' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        nodeInfo: { kubeletVersion: 'v1', kernelVersion: '6.1' },
      },
    };
    expect(cells('nodes', node)).toEqual([
      'x',
      'NotReady,SchedulingDisabled',
      'edge,worker',
      '60s',
      'v1',
      '10.0.0.1',
      '<none>',
      '<unknown>',
      '6.1',
      '<unknown>',
    ]);
    expect(cells('nodes', {}).slice(1, 3)).toEqual(['Unknown', '<none>']);
  });

  it('controller revisions', () => {
    const owner = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'web', controller: true };
    const owned = { metadata: { name: 'x', ownerReferences: [owner] }, revision: 3 };
    expect(cells('controllerrevisions.apps', owned).slice(1, 3)).toEqual([
      'workload.berth.dev/web',
      3,
    ]);
    expect(cells('controllerrevisions.apps', {})[1]).toBe('<none>');
  });

  it('events', () => {
    const event = {
      type: 'Warning',
      reason: 'BackOff',
      message: ' it failed \n',
      involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'spec.containers{c}' },
      source: { component: 'agent', host: 'n1' },
      firstTimestamp: '2026-01-01T11:00:00Z',
      lastTimestamp: '2026-01-01T11:59:50Z',
      count: 5,
    };
    expect(cells('events', event)).toEqual([
      '10s',
      'Warning',
      'BackOff',
      'pod/p',
      'spec.containers{c}',
      'agent, n1',
      'it failed',
      '60m',
      5,
      'x',
    ]);
  });

  it('events in the new form', () => {
    const single = { eventTime: '2026-01-01T11:59:00.123456Z', reportingComponent: 'c' };
    const shown = cells('events', single);
    expect([shown[0], shown[5], shown[7], shown[8]]).toEqual(['59s', 'c', '59s', 1]);
    const series = { ...single, series: { count: 9, lastObservedTime: '2026-01-01T11:59:58Z' } };
    expect([cells('events', series)[0], cells('events', series)[8]]).toEqual(['2s', 9]);
  });
});
