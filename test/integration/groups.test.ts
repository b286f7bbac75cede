/** Rules between instances, with the real server and its admission, on imaginary nodes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runControllers } from '../../controllers/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { runScheduler } from '../../scheduler/controller/run-scheduler.ts';
import { type Body, eventually, startTestApi, type TestApi } from '../harness/apiserver.ts';

let api: TestApi;
const stopping = new AbortController();
let ended: Promise<unknown>;
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
  const { signal } = stopping;
  const shared = { client: api.client, clock: systemClock, random: systemRandom, log: silentLog };
  ended = Promise.allSettled([
    runScheduler({ ...shared, signal, identity: 'test' }),
    // Nobody beats for these nodes.
    runControllers({
      ...shared,
      signal,
      identity: 'test',
      nodeLifecycle: { graceMs: 3_600_000, absentGraceMs: 3_600_000 },
    }),
  ]);
});
afterAll(async () => {
  stopping.abort();
  await ended;
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

test('so many on each node, and as many nodes as there are or are asked for', async () => {
  const workload = (name: string, placement: object, image = 'web') => ({
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name },
    spec: {
      placement,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'c', image, resources: { requests: { cpu: '1m' } } }] },
      },
    },
  });
  const path = '/apis/berth.dev/v1/namespaces/default/workloads';
  const counts = async (app: string) => {
    const byNode = new Map<string, number>();
    for (const { spec } of await of(podsPath, app)) {
      const node = spec.nodeName ?? 'none';
      byNode.set(node, (byNode.get(node) ?? 0) + 1);
    }
    return byNode;
  };
  await api.call('POST', path, workload('each', { strategy: 'Each', perNode: 2 }));
  await api.call('POST', path, workload('some', { strategy: 'Each', perNode: 3, nodes: 4 }));
  await eventually(async () => {
    const each = await counts('each');
    expect([each.size, ...new Set(each.values())]).toEqual([nodeCount, 2]);
    const some = await counts('some');
    expect([some.size, ...new Set(some.values())]).toEqual([4, 3]);
  });
  // Fill counts what is there already, of whatever template.
  await api.call('POST', path, workload('fill', { strategy: 'Fill', perNode: 1 }));
  await eventually(async () => {
    const fill = await counts('fill');
    expect([fill.size, ...new Set(fill.values())]).toEqual([nodeCount, 1]);
  });
  const more = { spec: { placement: { perNode: 2 } } };
  const headers = { 'content-type': 'application/merge-patch+json' };
  await api.call('PATCH', `${path}/fill`, JSON.stringify(more), { headers });
  await eventually(async () => {
    const fill = await counts('fill');
    expect([fill.size, ...new Set(fill.values())]).toEqual([nodeCount, 2]);
  });
});

test('more instances than all nodes hold are warned of', async () => {
  const path = '/apis/berth.dev/v1/namespaces/default/workloads';
  const headers = { 'content-type': 'application/merge-patch+json' };
  const absurd = (replicas: number) => ({
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name: 'absurd' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'absurd' } },
      template: {
        metadata: { labels: { app: 'absurd' } },
        spec: { containers: [{ name: 'c', image: 'web' }] },
      },
    },
  });
  const warned = async (replicas: number) => {
    const answer = await api.call('POST', `${path}?dryRun=All`, absurd(replicas));
    return [answer.status, answer.headers['warning']];
  };
  expect(await warned(nodeCount * 110)).toEqual([201, undefined]);
  expect(await warned(2_000_000_000)).toEqual([
    201,
    '299 - "spec.replicas: all nodes together can hold 2200 pods, not 2000000000; once many find no node, no more are made"',
  ]);
  await api.call('POST', path, absurd(0));
  const scale = JSON.stringify({ spec: { replicas: 1_000_000_000 } });
  const scaled = await api.call('PATCH', `${path}/absurd/scale?dryRun=All`, scale, { headers });
  expect(String(scaled.headers['warning'])).toContain('not 1000000000');
});
