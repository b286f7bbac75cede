/** Preemption and gangs with the real server and its admission; what an agent does is done by hand. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';

let api: TestApi;
const stopping = new AbortController();
let scheduler: Promise<void>;

beforeAll(async () => {
  api = await startTestApi('embedded');
  for (const name of ['n1', 'n2']) {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
    await api.call('POST', '/api/v1/nodes', node);
    const status = {
      allocatable: { cpu: '2', memory: '8Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    await patch(`/api/v1/nodes/${name}/status`, {
      metadata: { annotations: { 'berth.dev/runtimes': 'docker,libvirt' } },
      status,
    });
  }
  const vip = {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'vip' },
    value: 1000,
  };
  await api.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', vip);
  scheduler = runScheduler({
    client: api.client,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: stopping.signal,
    identity: 'test',
  });
});
afterAll(async () => {
  stopping.abort();
  await scheduler;
  await api?.stop();
});

const ofDefault = '/api/v1/namespaces/default/pods';
const vmsPath = '/apis/berth.dev/v1/namespaces/default/vms';

function patch(path: string, body: object) {
  const headers = { 'content-type': 'application/merge-patch+json' };
  return api.call('PATCH', path, JSON.stringify(body), { headers });
}

function pod(name: string, cpu: string, spec: object = {}, metadata: object = {}) {
  const containers = [{ name: 'c', image: 'web', resources: { requests: { cpu } } }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers, ...spec },
  };
}

async function nodeOf(name: string): Promise<string | undefined> {
  return (await api.call('GET', `${ofDefault}/${name}`)).body.spec?.nodeName;
}

test('a machine goes only where it is said that it may, and the one that waits gets its room', async () => {
  const vm = (name: string, annotations: object) => ({
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name, annotations },
    spec: {
      resources: { requests: { cpu: '2', memory: '64Mi' } },
      disks: [{ name: 'root', size: '1Gi' }],
    },
  });
  await api.call('POST', vmsPath, vm('dear', {}));
  await api.call('POST', vmsPath, vm('cheap', { 'berth.dev/preemptible': 'true' }));
  await eventually(async () => {
    const { body } = await api.call('GET', vmsPath);
    expect(
      body.items.map((each: { spec: { nodeName?: string } }) => each.spec.nodeName).sort(),
    ).toEqual(['n1', 'n2']);
  });
  await api.call('POST', ofDefault, pod('vip', '2', { priorityClassName: 'vip' }));
  await eventually(async () => {
    const { body } = await api.call('GET', `${vmsPath}/cheap`);
    expect(body.metadata.deletionTimestamp).toBeDefined();
  });
  const cheap = (await api.call('GET', `${vmsPath}/cheap`)).body;
  await eventually(async () => {
    const { body } = await api.call('GET', `${ofDefault}/vip`);
    expect(body.status.nominatedNodeName).toBe(cheap.spec.nodeName);
  });
  expect(
    (await api.call('GET', `${vmsPath}/dear`)).body.metadata.deletionTimestamp,
  ).toBeUndefined();
  await api.call('DELETE', `${vmsPath}/cheap`, { gracePeriodSeconds: 0 });
  await eventually(async () => expect(await nodeOf('vip')).toBe(cheap.spec.nodeName));
  const { body } = await api.call('GET', `${ofDefault}/vip`);
  expect(body.status.nominatedNodeName).toBeUndefined();
  await api.call('DELETE', `${vmsPath}/dear`, { gracePeriodSeconds: 0 });
});

test('a gang is bound by one transaction', async () => {
  const group = {
    labels: { 'scheduling.x-k8s.io/pod-group': 'ring' },
    annotations: { 'berth.dev/gang-min-member': '4' },
  };
  const names = ['r0', 'r1', 'r2', 'r3'];
  for (const name of names) await api.call('POST', ofDefault, pod(name, '500m', {}, group));
  await eventually(async () => {
    for (const name of names) expect(await nodeOf(name)).toBeDefined();
  });
  const watched = await api.call('GET', `${ofDefault}?labelSelector=scheduling.x-k8s.io/pod-group`);
  const revisions = watched.body.items.map(
    (each: { metadata: { resourceVersion: string } }) => each.metadata.resourceVersion,
  );
  expect(revisions).toHaveLength(4);
  expect(new Set(revisions).size).toBe(1);
});

test('a group is bound as a whole or not at all, whatever the scheduler says', async () => {
  for (const name of ['s0', 's1'])
    await api.call('POST', ofDefault, pod(name, '1m', { schedulerName: 'mine' }));
  const { body: lease } = await api.call(
    'GET',
    '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/berth-scheduler',
  );
  const { holderIdentity, leaseTransitions = 0 } = lease.spec;
  const item = (name: string, group?: string) => ({
    namespace: 'default',
    name,
    nodeName: 'n1',
    group,
  });
  const bind = (items: object[]) =>
    api.call('POST', '/apis/berth.dev/v1/bindings', {
      apiVersion: 'berth.dev/v1',
      kind: 'BindingList',
      lease: {
        namespace: 'kube-system',
        name: 'berth-scheduler',
        holderIdentity,
        leaseTransitions,
      },
      items,
    });
  const { body } = await bind([item('s0', 'g'), item('gone', 'g'), item('s1')]);
  expect(body.items.map((each: { error?: { message: string } }) => each.error?.message)).toEqual([
    'Operation cannot be fulfilled on pods/binding "s0": bound only together with gone, which could not be bound',
    'pods "gone" not found',
    undefined,
  ]);
  expect(await nodeOf('s0')).toBeUndefined();
  expect(await nodeOf('s1')).toBe('n1');
});
