/** Questions about placement, asked of a real server with imaginary nodes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Why } from '../../api/kinds.gen.ts';
import { schedulerAnswers } from '../../cli/plane/answers.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { Adviser } from '../../scheduler/advice/adviser.ts';
import { aliceToken, startTestApi, type TestApi } from '../harness/apiserver.ts';

const podsPath = '/api/v1/namespaces/default/pods';

let api: TestApi;
let adviser: Adviser | undefined;
const stopped = new AbortController();

beforeAll(async () => {
  api = await startTestApi('embedded', { answers: schedulerAnswers(() => adviser) });
  adviser = new Adviser({
    client: api.client,
    clock: systemClock,
    random: systemRandom,
    log: createLog('silent'),
    signal: stopped.signal,
  });
  await node('n1', { cpu: '2', memory: '2Gi', pods: '110' });
  await node('n2', { cpu: '4', memory: '1Gi', pods: '110' });
});

afterAll(async () => {
  stopped.abort();
  await adviser?.stopped();
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
              changes: ['lower memory by 1Gi, or free 1Gi of it on node n1'],
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
