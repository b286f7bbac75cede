/** Preemption and gangs with the real server and its admission; what an agent does is done by hand. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
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
    client: pausable(api.client),
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

/** Holds up the scheduler's wish to remove somebody, as if it were paused before it is sent, as long as this is there. */
let pause: { readonly reached: () => void; readonly over: Promise<void> } | undefined;
/** How each such wish was answered. */
const answered: string[] = [];

/** A paused process does not see either that its signal aborts: what it sends is sent when it wakes up. */
function pausable(client: Client): Client {
  const post: Client['post'] = async (path, body, options) => {
    if (!path.endsWith('/preemptions')) return client.post(path, body, options);
    pause?.reached();
    await pause?.over;
    try {
      const answer = await client.post(path, body, { signal: new AbortController().signal });
      answered.push('done');
      return answer as never; // Of the type that the caller names.
    } catch (error) {
      answered.push(error instanceof StatusError ? error.reason : String(error));
      throw error;
    }
  };
  return new Proxy(client, {
    get: (target, name) => {
      if (name === 'post') return post;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const leasePath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/berth-scheduler';
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
  const { body: lease } = await api.call('GET', leasePath);
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

test('a pod with scheduling gates waits until they are removed, and gets no new ones', async () => {
  const schedulingGates = [{ name: 'example.com/quota' }];
  const gated = await api.call('POST', ofDefault, pod('gated', '0', { schedulingGates }));
  expect(gated.body.status.conditions).toEqual([
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'SchedulingGated',
      message: 'Scheduling is blocked due to non-empty scheduling gates',
    },
  ]);
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'gated' } };
  const bound = { ...binding, target: { kind: 'Node', name: 'n1' } };
  const answer = await api.call('POST', `${ofDefault}/gated/binding`, bound);
  expect([answer.status, answer.body.message]).toEqual([
    409,
    expect.stringContaining('non-empty .spec.schedulingGates'),
  ]);
  const more = [...schedulingGates, { name: 'b' }];
  expect((await patch(`${ofDefault}/gated`, { spec: { schedulingGates: more } })).status).toBe(422);
  expect((await patch(`${ofDefault}/gated`, { spec: { schedulingGates: [] } })).status).toBe(200);
  await eventually(async () => expect(await nodeOf('gated')).toBeDefined());
  const placed = { nodeName: 'n1', schedulingGates };
  const wrong = await api.call('POST', ofDefault, pod('placed', '1m', placed));
  expect(wrong.body.message).toContain('spec.nodeName: Forbidden: cannot be set until all');
  const odd = { schedulingGates: [{ name: 'no/such/name' }] };
  expect((await api.call('POST', ofDefault, pod('odd', '1m', odd))).body.message).toContain(
    'spec.schedulingGates[0].name',
  );
});

test('a victim is removed in one write with the term, and as its budget allows', async () => {
  const labels = { app: 'guarded' };
  const budget = { selector: { matchLabels: labels }, minAvailable: 1 };
  const guarded = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' } };
  const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
  await api.call('POST', budgets, { ...guarded, spec: budget });
  const uids = new Map<string, string>();
  for (const name of ['v0', 'v1']) {
    const bound = pod(name, '1m', { nodeName: 'n1', schedulerName: 'mine' }, { labels });
    const { body } = await api.call('POST', ofDefault, bound);
    uids.set(name, body.metadata.uid);
    const conditions = [{ type: 'Ready', status: 'True' }];
    await patch(`${ofDefault}/${name}/status`, { status: { phase: 'Running', conditions } });
  }
  const allow = (disruptionsAllowed: number) =>
    patch(`${budgets}/b/status`, {
      status: { disruptionsAllowed, observedGeneration: 1, currentHealthy: 2, desiredHealthy: 1 },
    });
  const { body: lease } = await api.call('GET', leasePath);
  const { holderIdentity, leaseTransitions = 0 } = lease.spec;
  const preempt = (name: string, more: object = {}, term: object = {}) =>
    api.call('POST', '/apis/berth.dev/v1/preemptions', {
      apiVersion: 'berth.dev/v1',
      kind: 'PreemptionList',
      lease: {
        ...{ namespace: 'kube-system', name: 'berth-scheduler', holderIdentity, leaseTransitions },
        ...term,
      },
      items: [{ namespace: 'default', name, uid: uids.get(name), ...more }],
    });
  const errorOf = async (answer: ReturnType<typeof preempt>) =>
    (await answer).body.items[0].error?.reason;

  await allow(0);
  expect((await preempt('v0', { budget: 'Ignore' }, { holderIdentity: 'old' })).status).toBe(409);
  expect((await preempt('v0', { budget: 'Never' })).body.message).toContain('items[].budget');
  expect(await errorOf(preempt('v0', { uid: 'another' }))).toBe('Conflict');
  expect(await errorOf(preempt('gone', { uid: 'x' }))).toBe('NotFound');
  expect(await errorOf(preempt('v0'))).toBe('TooManyRequests');
  const { metadata } = (await api.call('GET', `${ofDefault}/v0`)).body;
  expect(metadata.deletionTimestamp).toBeUndefined();

  await allow(1);
  expect(await errorOf(preempt('v0'))).toBeUndefined();
  const told = (await api.call('GET', `${ofDefault}/v0`)).body;
  expect(told.metadata.deletionTimestamp).toBeDefined();
  expect(told.status.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', reason: 'PreemptionByScheduler' }),
  );
  const { status } = (await api.call('GET', `${budgets}/b`)).body;
  expect(status).toMatchObject({ disruptionsAllowed: 0, disruptedPods: { v0: expect.anything() } });
  expect(await errorOf(preempt('v1'))).toBe('TooManyRequests');
  expect(await errorOf(preempt('v1', { budget: 'Ignore' }))).toBeUndefined();
});

test('a scheduler that was paused and overtaken by another removes nobody', async () => {
  const running = (await api.call('GET', ofDefault)).body.items;
  for (const { metadata } of running)
    await api.call('DELETE', `${ofDefault}/${metadata.name}`, { gracePeriodSeconds: 0 });
  for (const name of ['low0', 'low1']) await api.call('POST', ofDefault, pod(name, '2'));
  await eventually(async () => {
    for (const name of ['low0', 'low1']) expect(await nodeOf(name)).toBeDefined();
  });
  let reached = () => {};
  let wake = () => {};
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const over = new Promise<void>((resolve) => {
    wake = resolve;
  });
  pause = { reached, over };
  answered.length = 0;
  await api.call('POST', ofDefault, pod('vip2', '2', { priorityClassName: 'vip' }));
  await isReached;
  const { body: before } = await api.call('GET', leasePath);
  // Another one takes over, as after the lease has run out.
  await patch(leasePath, {
    spec: {
      holderIdentity: 'other',
      leaseTransitions: (before.spec.leaseTransitions ?? 0) + 1,
      renewTime: `${new Date().toISOString().slice(0, -1)}000Z`,
    },
  });
  pause = undefined;
  wake();
  await eventually(async () => expect(answered).toEqual(['Conflict']));
  for (const name of ['low0', 'low1']) {
    const { metadata } = (await api.call('GET', `${ofDefault}/${name}`)).body;
    expect(metadata.deletionTimestamp).toBeUndefined();
  }
});
