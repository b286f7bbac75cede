/** Questions about placement, asked of a real server with imaginary nodes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Capacity, Plan, Why } from '../../api/kinds.gen.ts';
import type { UserInfo } from '../../apiserver/index.ts';
import { type Answerer, schedulerAnswers } from '../../cli/plane/answers.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { Adviser } from '../../scheduler/advice/adviser.ts';
import { aliceToken, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';

const podsPath = '/api/v1/namespaces/default/pods';

let api: TestApi;
let answerer: Answerer | undefined;
let adviser: Adviser;
const stopped = new AbortController();

beforeAll(async () => {
  api = await startTestApi('embedded', { answers: schedulerAnswers(() => answerer) });
  adviser = new Adviser({
    client: api.client,
    clock: systemClock,
    random: systemRandom,
    log: createLog('silent'),
    signal: stopped.signal,
  });
  const client = (user: UserInfo) =>
    createClient(api.server.transport(user), { userAgent: 'test', clock: systemClock });
  answerer = { adviser, client };
  await node('n1', { cpu: '2', memory: '2Gi', pods: '110' });
  await node('n2', { cpu: '4', memory: '1Gi', pods: '110' });
});

afterAll(async () => {
  stopped.abort();
  await adviser.stopped();
  await api.stop();
});

async function ok(method: string, path: string, body?: unknown) {
  const answer = await api.call(method, path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body;
}

async function node(name: string, allocatable: Record<string, string>) {
  const conditions = [{ type: 'Ready', status: 'True' }];
  const object = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
  await ok('POST', '/api/v1/nodes', object);
  const status = { status: { allocatable, capacity: allocatable, conditions } };
  const path = `/api/v1/nodes/${name}/status`;
  await api.call('PATCH', path, status, {
    headers: { 'content-type': 'application/merge-patch+json' },
  });
}

async function pod(name: string, requests: Record<string, string>, more: object = {}) {
  const containers = [{ name: 'c', image: 'web', resources: { requests } }];
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name } };
  return ok('POST', podsPath, { ...object, spec: { containers, ...more } });
}

describe('why', () => {
  test('a pod waits: what is missing, where, and the smallest change', async () => {
    await pod('big', { cpu: '1', memory: '3Gi' });
    const why: Why = await ok('GET', `${podsPath}/big/why`);
    expect(why).toMatchObject({
      kind: 'Why',
      apiVersion: 'berth.dev/v1',
      metadata: { name: 'big', namespace: 'default' },
      state: 'Pending',
      nodes: 2,
      classes: [
        {
          nodes: 2,
          example: 'n1',
          obstacles: [
            {
              dimension: 'memory',
              asked: '3Gi',
              free: '2Gi',
              missing: '1Gi',
              changes: ['lower memory by 1Gi, since node n1 has 2Gi in all'],
            },
          ],
        },
      ],
    });
  });

  test('a pod that was just bound is known to be', async () => {
    await pod('bound', { cpu: '1' });
    const before: Why = await ok('GET', `${podsPath}/bound/why`);
    expect(before).toMatchObject({ state: 'Placeable', candidateNodes: 2 });
    await ok('POST', `${podsPath}/bound/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'bound' },
      target: { kind: 'Node', name: 'n2' },
    });
    const why: Why = await ok('GET', `${podsPath}/bound/why`);
    expect(why).toMatchObject({ state: 'Bound', node: 'n2', rank: 1, candidateNodes: 2 });
  });

  test('what is not there, and what nobody may see', async () => {
    expect((await api.call('GET', `${podsPath}/none/why`)).status).toBe(404);
    const answer = await api.call('GET', `${podsPath}/big/why`, undefined, { token: aliceToken });
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain('cannot get resource "pods/why"');
    expect((await api.call('DELETE', `${podsPath}/big/why`)).status).toBe(405);
  });

  test('is found by discovery, and the role view allows it', async () => {
    const { resources } = await ok('GET', '/api/v1');
    expect(resources).toContainEqual(
      expect.objectContaining({ name: 'pods/why', kind: 'Why', group: 'berth.dev' }),
    );
    const rule = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    await ok('POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'alice' },
      roleRef: rule,
      subjects: [{ kind: 'User', name: 'alice' }],
    });
    const answer = await api.call('GET', `${podsPath}/big/why`, undefined, { token: aliceToken });
    expect(answer.status).toBe(200);
  });
});

function workload(name: string, replicas: number, requests: object, more: object = {}) {
  const containers = [{ name: 'c', image: 'web', resources: { requests } }];
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers } },
      ...more,
    },
  };
}

const ask = (kind: string, spec: object) => ({ apiVersion: 'berth.dev/v1', kind, spec });

describe('plan', () => {
  const plans = '/apis/berth.dev/v1/namespaces/default/plans';
  const objects = [
    workload('web', 3, { cpu: '1' }),
    { ...workload('bad', -1, {}), metadata: { name: 'bad' } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: {} },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'huge' },
      spec: { containers: [{ name: 'c', image: 'web', resources: { requests: { cpu: '9' } } }] },
    },
  ];

  test('shows where everything would land, and what would be refused; nothing is written', async () => {
    const { status }: Plan = await ok('POST', plans, ask('Plan', { objects }));
    expect(status).toMatchObject({ placed: 3, unplaced: 1, staying: 0 });
    const web = status?.placements?.filter(({ name }) => name === 'web') ?? [];
    expect(web.map(({ node: at }) => at).sort()).toEqual(['n1', 'n2', 'n2']);
    const huge = status?.placements?.find(({ name }) => name === 'huge');
    expect(huge?.message).toContain('Insufficient cpu');
    expect(status?.problems).toMatchObject([{ object: 'Workload/bad', reason: 'Invalid' }]);
    expect(status?.problems?.[0]?.message).toContain('spec.replicas');
    const written = await api.call('GET', '/apis/berth.dev/v1/namespaces/default/workloads/web');
    expect(written.status).toBe(404);
    // What was decided was taken back.
    const again: Plan = await ok('POST', plans, ask('Plan', { objects }));
    expect(again.status).toEqual(status);
  });

  test('is for those who may write what they ask about', async () => {
    const body = ask('Plan', { objects });
    const answer = await api.call('POST', plans, body, { token: aliceToken });
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain('cannot create resource "plans"');
  });

  test('a body that is none is told by its field', async () => {
    const answer = await api.call('POST', plans, ask('Plan', { objects: 'web' }));
    expect(answer.status).toBe(400);
    expect(answer.body.message).toContain('spec.objects');
    const empty = await api.call('POST', plans, { apiVersion: 'berth.dev/v1', kind: 'Plan' });
    expect(empty.status).toBe(400);
    expect(empty.body.message).toContain('spec: Required value');
    const none = await api.call('POST', plans);
    expect(none.status).toBe(400);
    expect(none.body.message).toBe('the request has no body: it must be a Plan');
  });
});

describe('capacity', () => {
  const capacities = '/apis/berth.dev/v1/namespaces/default/capacities';

  test('tells how many more would fit, per node and in all', async () => {
    const template = workload('web', 1, { cpu: '1', memory: '512Mi' });
    const { status }: Capacity = await ok('POST', capacities, ask('Capacity', { template }));
    // n2 has 4 cores, but one pod of another test is there, and 1Gi.
    expect(status?.nodes).toMatchObject([
      { name: 'n1', room: 2 },
      { name: 'n2', room: 2 },
    ]);
    expect(status?.total).toBe(4);
  });

  test('lays out a number by a strategy, or says why not', async () => {
    const template = workload('web', 1, { cpu: '1' });
    const each = { template, strategy: 'Each', count: 2 };
    const fits: Capacity = await ok('POST', capacities, ask('Capacity', each));
    expect(fits.status?.nodes?.map(({ gets }) => gets)).toEqual([2, 2]);
    const more: Capacity = await ok('POST', capacities, ask('Capacity', { ...each, count: 3 }));
    expect(more.status?.refused).toContain('1 of 2 nodes have room for 3');
  });

  test('refuses what is no template, with the field', async () => {
    const template = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } };
    const answer = await api.call('POST', capacities, ask('Capacity', { template }));
    expect(answer.status).toBe(422);
    expect(answer.body.message).toContain('spec.template');
  });
});

test('what is sold of a node is set on it, and a slip of the pen is refused', async () => {
  const patch = (annotations: object) =>
    api.call(
      'PATCH',
      '/api/v1/nodes/n1',
      { metadata: { annotations } },
      {
        headers: { 'content-type': 'application/merge-patch+json' },
      },
    );
  const wrong = await patch({ 'berth.dev/reserved': 'memory:1Gi' });
  expect(wrong.status).toBe(422);
  expect(wrong.body.message).toContain('metadata.annotations[berth.dev/reserved]');
  expect(
    (await patch({ 'berth.dev/capacity': 'cpu=10', 'berth.dev/reserved': 'cpu=4' })).status,
  ).toBe(200);
  const template = workload('web', 1, { cpu: '1' });
  const path = '/apis/berth.dev/v1/namespaces/default/capacities';
  await eventually(async () => {
    const { status }: Capacity = await ok('POST', path, ask('Capacity', { template }));
    expect(status?.nodes?.find(({ name }) => name === 'n1')?.room).toBe(6);
  });
});
