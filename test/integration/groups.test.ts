/** Rules between instances, with the real server and its admission, on imaginary nodes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { type Body, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';

let api: TestApi;
const stopping = new AbortController();
let scheduler: Promise<void>;
const nodeCount = 20;

beforeAll(async () => {
  api = await startTestApi('embedded');
  for (let i = 0; i < nodeCount; i += 1) {
    const name = `n${i}`;
    const annotations = { 'berth.dev/runtimes': 'docker,libvirt' };
    const labels = { 'kubernetes.io/hostname': name, zone: `z${i % 3}` };
    const metadata = { name, labels, annotations };
    await api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata });
    const status = {
      allocatable: { cpu: '32', memory: '64Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    const headers = { 'content-type': 'application/merge-patch+json' };
    const body = JSON.stringify({ status });
    await api.call('PATCH', `/api/v1/nodes/${name}/status`, body, { headers });
  }
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

const podsPath = '/api/v1/namespaces/default/pods';
const vmsPath = '/apis/berth.dev/v1/namespaces/default/vms';

function pod(name: string, app: string, spec: object) {
  const containers = [{ name: 'c', image: 'web', resources: { requests: { cpu: '100m' } } }];
  const metadata = { name, labels: { app } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers, ...spec } };
}

function apart(app: string) {
  const labelSelector = { matchLabels: { app } };
  const requiredDuringSchedulingIgnoredDuringExecution = [
    { labelSelector, topologyKey: 'kubernetes.io/hostname' },
  ];
  return { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } };
}

async function of(path: string, app: string): Promise<readonly Body[]> {
  const { body } = await api.call('GET', `${path}?labelSelector=app%3D${app}`);
  return body.items;
}

test('ten applications of twenty pods each, none twice on a node, and one too many', async () => {
  const apps = Array.from({ length: 10 }, (_, i) => `app-${i}`);
  for (const app of apps) {
    const made = Array.from({ length: nodeCount }, (_, i) =>
      api.call('POST', podsPath, pod(`${app}-${i}`, app, apart(app))),
    );
    const [first] = await Promise.all(made);
    // It is acted on: no warning that it has no effect.
    expect(first?.headers['warning']).toBeUndefined();
  }
  for (const app of apps) {
    await eventually(async () => {
      const nodes = (await of(podsPath, app)).map(({ spec }) => spec.nodeName);
      expect(new Set(nodes.filter((name) => name !== undefined)).size).toBe(nodeCount);
    });
  }
  await api.call('POST', podsPath, pod('app-0-more', 'app-0', {}));
  await eventually(async () => {
    const { body } = await api.call('GET', `${podsPath}/app-0-more`);
    expect(body.status?.conditions?.[0]?.message).toContain(
      "20 node(s) didn't satisfy existing pods anti-affinity rules",
    );
  });
  await api.call('DELETE', `${podsPath}/app-0-3`, { gracePeriodSeconds: 0 });
  await eventually(async () => {
    const { body } = await api.call('GET', `${podsPath}/app-0-more`);
    expect(body.spec.nodeName).toBeDefined();
  });
});

test('machines and pods keep away from each other, and machines are spread over zones', async () => {
  const vm = (name: string, more: object) => ({
    apiVersion: 'berth.dev/v1',
    kind: 'VM',
    metadata: { name, labels: { app: 'vm' } },
    spec: {
      resources: { requests: { cpu: '1', memory: '64Mi' } },
      disks: [{ name: 'root', size: '1Gi' }],
      ...more,
    },
  });
  const labelSelector = { matchLabels: { app: 'vm' } };
  const spread = { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' };
  const topologySpreadConstraints = [{ ...spread, labelSelector }];
  for (let i = 0; i < 6; i += 1) {
    const { status } = await api.call(
      'POST',
      vmsPath,
      vm(`vm-${i}`, { topologySpreadConstraints }),
    );
    expect(status).toBe(201);
  }
  const zoneOf = (node: string) => Number(node.slice(1)) % 3;
  let machines: readonly string[] = [];
  await eventually(async () => {
    machines = (await of(vmsPath, 'vm')).flatMap(({ spec }) => spec.nodeName ?? []);
    expect(machines.map(zoneOf).sort()).toEqual([0, 0, 1, 1, 2, 2]);
  });
  await api.call('POST', podsPath, pod('shy', 'shy', apart('vm')));
  await eventually(async () => {
    const { body } = await api.call('GET', `${podsPath}/shy`);
    expect(body.spec.nodeName).toBeDefined();
    expect(machines).not.toContain(body.spec.nodeName);
  });
  const nowhere = [{ ...spread, labelSelector, topologyKey: '' }];
  const wrong = vm('wrong', { topologySpreadConstraints: nowhere });
  const { body } = await api.call('POST', vmsPath, wrong);
  expect(body.message).toContain('topologyKey: Required value: can not be empty');
});
