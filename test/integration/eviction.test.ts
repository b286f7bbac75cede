/** Evictions and budgets: apiserver, controllers, and a stand-in for scheduler and agents. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Node, Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  namespaces,
  nodes,
  podDisruptionBudgets,
  pods,
  workloads,
} from '../../api/resources.gen.ts';
import { runControllers } from '../../controllers/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import {
  adminToken,
  eventually,
  signal,
  startTestApi,
  type TestApi,
} from '../harness/apiserver.ts';
import { object } from '../harness/fake-api.ts';
import { kubectlBinary, kubectlOf } from '../harness/kubectl.ts';

vi.setConfig({ testTimeout: 120_000 });

const namespace = 'work';
const stop = new AbortController();
let api: TestApi;
let ended: Promise<unknown>;
/** What is deleted stays until this is false: nobody confirms. */
let holding = false;
/** The fewest ready pods of `drained` that were ever seen together. */
let fewest = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  api = await startTestApi('embedded');
  const { client } = api;
  await client.create(namespaces, object(namespaces, namespace), { signal });
  const common = { clock: systemClock, random: systemRandom, log: createLog('silent') };
  const nodeLifecycle = { graceMs: 3_600_000, absentGraceMs: 3_600_000 };
  const controllers = { ...common, client, nodeLifecycle, identity: 'test', signal: stop.signal };
  ended = Promise.allSettled([runControllers(controllers), standIn()]);
});
afterAll(async () => {
  stop.abort(new Error('the test is over'));
  await ended;
  await api.stop();
});

/** Binds to nodes that take pods, makes what is bound ready, and confirms what is deleted. */
async function standIn(): Promise<void> {
  while (!stop.signal.aborted) {
    const [known, all] = await Promise.all([
      api.client.list<Node>(nodes, { signal }),
      api.client.list<Pod>(pods, { namespace, signal }),
    ]);
    const open = known.items.find(({ spec }) => spec.unschedulable !== true)?.metadata.name;
    // Another may have been faster: the next round sees it.
    await Promise.all(all.items.map((pod) => tend(pod, open).catch(() => undefined)));
    const drained = all.items.filter(
      (pod) => pod.metadata.labels?.['app'] === 'drained' && isReady(pod),
    );
    if (drained.length > 0 || fewest < 3) fewest = Math.min(fewest, drained.length);
    await systemClock.sleep(50);
  }
}

async function tend(pod: Pod, open: string | undefined): Promise<void> {
  const { name = '', deletionTimestamp } = pod.metadata;
  const key = { namespace, name };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (deletionTimestamp !== undefined) {
    if (!holding) await api.client.delete(pods, key, { gracePeriodSeconds: 0, signal });
  } else if (pod.spec.nodeName === undefined) {
    const target = { apiVersion: 'v1', kind: 'Node', name: open };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target };
    if (open !== undefined) await api.client.post(`${path}/binding`, binding, { signal });
  } else if (!isReady(pod) && pod.metadata.labels?.['sick'] === undefined) {
    await setReady(name, 'True');
  }
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
  return ready === true && metadata.deletionTimestamp === undefined;
}

async function setReady(name: string, status: 'True' | 'False'): Promise<void> {
  const patch = { status: { phase: 'Running', conditions: [{ type: 'Ready', status }] } };
  await api.client.patch(pods, { namespace, name }, patch, { subresource: 'status', signal });
}

async function makeNode(name: string): Promise<void> {
  await api.client.create(nodes, object(nodes, name, { spec: {} }), { signal });
}

/** A workload whose pods are all ready; returns their names. */
async function makeWorkload(app: string, replicas: number): Promise<readonly string[]> {
  const labels = { app };
  const spec = {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
  };
  const workload = object(workloads, `${namespace}/${app}`, { spec });
  await eventually(() => api.client.create(workloads, workload, { signal }));
  return eventually(async () => {
    const { items } = await api.client.list<Pod>(pods, {
      namespace,
      labelSelector: `app=${app}`,
      signal,
    });
    expect(items.filter(isReady)).toHaveLength(replicas);
    return items.map(({ metadata }) => metadata.name ?? '');
  });
}

async function makeBudget(app: string, fields: JsonObject): Promise<void> {
  const spec = { selector: { matchLabels: { app } }, ...fields };
  const budget = object(podDisruptionBudgets, `${namespace}/${app}`, { spec });
  await api.client.create(podDisruptionBudgets, budget, { signal });
}

function untilAllowed(app: string, allowed: number) {
  const key = { namespace, name: app };
  return eventually(async () => {
    const budget = await api.client.get<PodDisruptionBudget>(podDisruptionBudgets, key, { signal });
    expect(budget.status?.disruptionsAllowed).toBe(allowed);
    return budget;
  });
}

function evict(name: string, deleteOptions: JsonObject = {}) {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions };
  return api.call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
}

describe('evictions', () => {
  beforeAll(async () => {
    await makeNode('n1');
  });

  test('many at once get what the budget has, and the others hear why', async () => {
    const names = await makeWorkload('many', 8);
    await makeBudget('many', { minAvailable: 5 });
    await untilAllowed('many', 3);
    holding = true;
    const answers = await Promise.all(names.map((name) => evict(name)));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201, 201, 201, 429, 429, 429, 429, 429,
    ]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: 'DisruptionBudget' }] },
    });
    const [cause] = refused?.body.details.causes ?? [];
    expect(cause.message).toMatch(
      /^The disruption budget many needs 5 healthy pods and has \d currently$/,
    );
    holding = false;
    await untilAllowed('many', 3);
  });

  test('a dry run takes nothing', async () => {
    const [name = ''] = await makeWorkload('dry', 2);
    await makeBudget('dry', { maxUnavailable: 1 });
    await untilAllowed('dry', 1);
    for (let i = 0; i < 3; i += 1)
      expect((await evict(name, { dryRun: ['All'] })).status).toBe(201);
    await untilAllowed('dry', 1);
    expect((await evict(name)).status).toBe(201);
  });

  test('a pod that is not ready goes when enough others are, or when the policy says so', async () => {
    const [sick = '', other = ''] = await makeWorkload('sick', 2);
    await api.client.patch(
      pods,
      { namespace, name: sick },
      { metadata: { labels: { sick: '' } } },
      { signal },
    );
    await setReady(sick, 'False');
    await makeBudget('sick', { minAvailable: 2 });
    await eventually(async () =>
      expect((await untilAllowed('sick', 0)).status?.currentHealthy).toBe(1),
    );
    expect((await evict(sick)).status).toBe(429);
    const key = { namespace, name: 'sick' };
    const always = { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } };
    await api.client.patch(podDisruptionBudgets, key, always, { signal });
    expect((await evict(other)).status).toBe(429);
    expect((await evict(sick)).status).toBe(201);
  });

  test('a pod under two budgets is refused', async () => {
    const [name = ''] = await makeWorkload('twice', 1);
    for (const budget of ['one', 'two']) {
      const spec = { maxUnavailable: 1, selector: { matchLabels: { app: 'twice' } } };
      const made = object(podDisruptionBudgets, `${namespace}/${budget}`, { spec });
      await api.client.create(podDisruptionBudgets, made, { signal });
    }
    expect((await evict(name)).body).toMatchObject({
      code: 500,
      message:
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    });
  });

  test.skipIf(kubectlBinary === undefined)(
    'kubectl drain waits for what the budget allows',
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'berth-drain-'));
      const kubeconfig = join(dataDir, 'kubeconfig');
      writeFileSync(kubeconfig, kubeconfigText());
      const kubectl = kubectlOf({ dataDir, kubeconfig }, { namespace });
      await makeWorkload('drained', 3);
      await makeBudget('drained', { minAvailable: 2 });
      await untilAllowed('drained', 1);
      await makeNode('n2');
      fewest = 3;
      // Of the other tests some pods may never go.
      const said = await kubectl.ok('drain n1 --pod-selector=app=drained --timeout=50s');
      expect(said).toContain('node/n1 drained');
      const { items } = await api.client.list<Pod>(pods, {
        namespace,
        labelSelector: 'app=drained',
        signal,
      });
      expect(items.some(({ spec }) => spec.nodeName === 'n1')).toBe(false);
      expect(fewest).toBe(2);
      await untilAllowed('drained', 1);
      rmSync(dataDir, { recursive: true });
    },
  );
});

function kubeconfigText(): string {
  const ca = Buffer.from(api.pki.ca).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: api.url, 'certificate-authority-data': ca } }],
    users: [{ name: 'u', user: { token: adminToken } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
