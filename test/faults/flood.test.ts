/** One client asks for more than its share; everybody else is served all the same. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createMetrics } from '../../lib/prometheus.ts';
import { adminToken, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';
import { type Http2Client, http2Client } from '../harness/http2-client.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const lists = 500;
const objects = 1_000;
const maxStreams = 2_000;
const at = '/api/v1/namespaces/default/configmaps';
const lease = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

let api: TestApi;
const clients: Http2Client[] = [];

beforeAll(async () => {
  // So long that on a busy machine too nobody is refused for having waited.
  const limits = { requestTimeoutMs: 1_200_000 };
  api = await startTestApi('embedded', { metrics: createMetrics(), limits });
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'devs' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'devs' }],
  };
  await api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', binding);
  await seed(objects);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await api.stop();
});

/** As that user, who is no administrator. */
function as(user: string, group = 'devs'): Http2Client {
  const client = http2Client(api.url, api.pki.ca, {
    authorization: `Bearer ${adminToken}`,
    'impersonate-user': user,
    'impersonate-group': group,
  });
  clients.push(client);
  return client;
}

/** Straight into the store, which takes a second instead of ten. */
async function seed(count: number): Promise<void> {
  const signal = new AbortController().signal;
  const perTxn = 100;
  for (let from = 0; from < count; from += perTxn) {
    const then = Array.from({ length: perTxn }, (_, i) => {
      const name = `seed-${from + i}`;
      const value = Buffer.from(
        JSON.stringify({
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: { name, namespace: 'default', uid: name },
          data: { payload: 'x'.repeat(400) },
        }),
      );
      return { type: 'put', key: `core/configmaps/default/${name}`, value } as const;
    });
    await api.store.txn({ compare: [], then, otherwise: [] }, { signal });
  }
}

async function metric(name: string): Promise<number> {
  const { text } = await api.call('GET', '/metrics');
  const line = text.split('\n').find((each) => each.startsWith(name));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}

test('500 lists of a large collection at once: another client and the heartbeat of a node do not wait for them', async () => {
  const [alice, bob, node] = [as('alice'), as('bob'), as('system:node:n', 'system:nodes')];
  let finished = 0;
  const flood = Array.from({ length: lists }, async () => {
    const { status, body } = await alice.get(at);
    const length = await body;
    finished += 1;
    return { status, length };
  });
  await eventually(() => expect(finished).toBeGreaterThan(5), 60_000);
  const before = finished;
  for (let i = 0; i < 20; i += 1) expect((await bob.get(`${at}/seed-${i}`)).status).toBe(200);
  const spec = { holderIdentity: 'n', leaseDurationSeconds: 40 };
  const metadata = { name: 'n', namespace: 'kube-node-lease' };
  const beat = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
  expect((await node.send('POST', lease, beat)).status).toBe(201);
  // Each small request lets a few of the large ones pass at most, however many of them wait.
  expect(finished - before).toBeLessThan(lists / 2);
  expect(finished).toBeLessThan(lists);
  expect(
    await metric('apiserver_flowcontrol_current_inqueue_requests{priority_level="workload"'),
  ).toBeGreaterThan(0);
  const answers = await Promise.all(flood);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ length }) => length)).size).toBe(1);
  await eventually(async () =>
    expect(
      await metric('apiserver_flowcontrol_current_executing_requests{priority_level="workload"'),
    ).toBe(0),
  );
});

test('a client that opens 5,000 watches is held to its limit, and others are served', async () => {
  const carol = Array.from({ length: 5 }, () => as('carol'));
  const path = `${at}?watch=1&resourceVersion=${await newest()}`;
  const watches = await Promise.all(
    carol.flatMap((client) => Array.from({ length: 1_000 }, () => client.get(path))),
  );
  const refused = watches.filter(({ status }) => status !== 200);
  expect(watches.length - refused.length).toBe(maxStreams);
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
  expect(refused[0]?.headers['retry-after']).toBe('1');
  expect(api.server.watches).toBeGreaterThanOrEqual(maxStreams);
  const bob = as('bob');
  const watch = await bob.get(path);
  expect(watch.status).toBe(200);
  const created = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'heard' } };
  const heard = new Promise((resolve) => watch.stream.once('data', resolve));
  expect((await bob.send('POST', at, created)).status).toBe(201);
  expect(String(await heard)).toContain('"heard"');
  for (const client of carol) client.close();
  await eventually(() => expect(api.server.watches).toBeLessThan(20), 60_000);
  expect((await as('carol').get(path)).status).toBe(200);
});

async function newest(): Promise<string> {
  return (await api.call('GET', `${at}?limit=1`)).body.metadata.resourceVersion;
}
