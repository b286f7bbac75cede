/** A thousand pods over fifty imaginary nodes, by real kubectl. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatTime } from '../../api/conditions.ts';
import { nodes } from '../../api/resources.gen.ts';
import { type Kubectl, kubectlBinary, kubectlOf } from '../harness/kubectl.ts';
import { type Plane, startPlane } from '../harness/plane.ts';
import { never } from './scene.ts';
import { until } from './until.ts';

const timeoutMs = 300_000;
const nodeCount = 50;
const apps = Array.from({ length: 20 }, (_, at) => `app-${at}`);
let plane: Plane;
let kubectl: Kubectl;

const status = {
  allocatable: { cpu: '8', memory: '16Gi', pods: '110' },
  conditions: [{ type: 'Ready', status: 'True' }],
};

const node = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
});

/** Taken for alive for an hour. */
const lease = (name: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name },
  spec: {
    holderIdentity: name,
    leaseDurationSeconds: 3_600,
    renewTime: formatTime(Date.now()).replace('Z', '.000000Z'),
  },
});

const workload = (app: string) => ({
  apiVersion: 'berth.dev/v1',
  kind: 'Workload',
  metadata: { name: app },
  spec: {
    replicas: nodeCount,
    selector: { matchLabels: { app } },
    template: {
      metadata: { labels: { app } },
      spec: {
        containers: [{ name: 'c', image: 'web:1', resources: { requests: { cpu: '10m' } } }],
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchLabels: { app } }, topologyKey: 'kubernetes.io/hostname' },
            ],
          },
        },
      },
    },
  },
});

beforeAll(async () => {
  plane = await startPlane('embedded', ['--no-agent']);
  kubectl = kubectlOf(plane);
}, timeoutMs);

afterAll(() => plane?.remove(), timeoutMs);

/** Three machines that are not here: what they are made of is declared. */
const declared = {
  'two-memories': {
    'berth.dev/cores': '0-7',
    'berth.dev/numa-nodes': JSON.stringify({
      0: { cores: '0-3', memory: '8Gi' },
      1: { cores: '4-7', memory: '8Gi' },
    }),
  },
  'two-models': { 'berth.dev/gpus': 'T4,A10' },
  'two-disks': {
    'berth.dev/disks': JSON.stringify([
      { name: 'slow', class: 'local', path: '/slow', capacity: '9Gi', writeIOPS: 10 },
      { name: 'fast', class: 'local', path: '/fast', capacity: '9Gi', writeIOPS: 1000 },
    ]),
  },
} as const;

const asking = (name: string, on: keyof typeof declared, more: object = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'devices' }, ...more },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': on },
    containers: [{ name: 'c', image: 'web:1', resources: { requests: { cpu: '3' } } }],
    ...spec,
  },
});

test.runIf(kubectlBinary !== undefined)(
  'cores, memories, GPUs and disks that were chosen are seen by get -o wide; cordon and taint keep out',
  async () => {
    const names = Object.keys(declared) as (keyof typeof declared)[]; // The keys it has.
    await kubectlOf(plane, { namespace: 'kube-node-lease' }).apply(names.map(lease));
    const described = names.map((name) => {
      const { metadata, ...rest } = node(name);
      return { ...rest, metadata: { ...metadata, annotations: declared[name] } };
    });
    await kubectl.apply(described);
    const options = { subresource: 'status', ...never };
    await Promise.all(
      names.map((name) => plane.client.patch(nodes, { name }, { status }, options)),
    );
    const bound = { annotations: { 'berth.dev/cpu-binding': 'Bound' } };
    const models = { annotations: { 'berth.dev/gpu-models': 'A10' } };
    const gpu = [{ name: 'c', image: 'web:1', resources: { limits: { 'berth.dev/gpu': '0.5' } } }];
    const volume = {
      apiVersion: 'berth.dev/v1',
      kind: 'Volume',
      metadata: { name: 'data' },
      spec: { size: '1Gi', limits: { writeIOPS: 100 } },
    };
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
    await kubectl.apply([
      asking('bound-1', 'two-memories', bound),
      asking('bound-2', 'two-memories', bound),
      asking('gpu', 'two-models', models, { containers: gpu }),
      volume,
      asking('disk', 'two-disks', {}, { volumes }),
    ]);
    const rows = await until('all are bound', async () => {
      const text = await kubectl.ok('get pods -l app=devices -o wide');
      const table = text
        .trim()
        .split('\n')
        .map((line) => line.split(/ {2,}/));
      const isBound = table.length === 5 && table.every((row) => row[6] !== '<none>');
      return isBound && table;
    });
    expect(rows.map((row) => [row[0], row[6], row[9]?.trim()])).toEqual([
      ['NAME', 'NODE', 'DEVICES'],
      ['bound-1', 'two-memories', 'cores 1,2,3 numa 0'],
      ['bound-2', 'two-memories', 'cores 5,6,7 numa 1'],
      ['disk', 'two-disks', '<none>'],
      ['gpu', 'two-models', 'gpu 1:500m'],
    ]);
    expect(await kubectl.ok('get vol data --no-headers -o wide')).toMatch(/two-disks .* fast /);
    await kubectl.ok('cordon two-memories');
    await kubectl.ok('taint node two-models dedicated=ml:NoSchedule');
    const small = { containers: [{ name: 'c', image: 'web:1' }] };
    await kubectl.apply([
      asking('late', 'two-memories', {}, small),
      asking('plain', 'two-models', {}, small),
    ]);
    const why = (pod: string) =>
      kubectl.ok(`get pod ${pod} -o jsonpath={.status.conditions[*].message}`);
    await until('the cordon is told', async () =>
      (await why('late')).includes('1 node(s) were unschedulable'),
    );
    await until('the taint is told', async () => (await why('plain')).includes('{dedicated: ml}'));
    await kubectl.ok('uncordon two-memories');
    await kubectl.ok('taint node two-models dedicated-');
    const column = 'get pods late plain --no-headers -o custom-columns=NODE:.spec.nodeName';
    await until('both are bound', async () => {
      return (await kubectl.ok(column)).trim() === 'two-memories\ntwo-models';
    });
    await kubectl.ok('delete pods -l app=devices --grace-period=0 --force');
    await kubectl.ok(['delete', 'node', ...names]);
  },
  timeoutMs,
);

test.runIf(kubectlBinary !== undefined)(
  'twenty applications of fifty pods each, of which no two share a node',
  async () => {
    const names = Array.from({ length: nodeCount }, (_, at) => `n${at}`);
    await kubectlOf(plane, { namespace: 'kube-node-lease' }).apply(names.map(lease));
    await kubectl.apply(names.map(node));
    const options = { subresource: 'status', ...never };
    await Promise.all(
      names.map((name) => plane.client.patch(nodes, { name }, { status }, options)),
    );
    await kubectl.apply(apps.map(workload));
    const columns = 'APP:.metadata.labels.app,NODE:.spec.nodeName';
    const placed = await until(
      'all are bound',
      async () => {
        const text = await kubectl.ok(`get pods --no-headers -o custom-columns=${columns}`);
        const rows = text
          .trim()
          .split('\n')
          .map((line) => line.split(/\s+/));
        const isBound =
          rows.length === apps.length * nodeCount && rows.every(([, on]) => on !== '<none>');
        return isBound && rows;
      },
      timeoutMs,
    );
    for (const app of apps) {
      const hosts = placed.filter(([name]) => name === app).map(([, on]) => on);
      expect(new Set(hosts).size, app).toBe(nodeCount);
    }
    await kubectl.ok(`scale workload/app-0 --replicas=${nodeCount + 1}`);
    const why = await until('one too many says why', async () => {
      const text = await kubectl.ok(
        'get pods -l app=app-0 --field-selector=spec.nodeName= -o jsonpath={.items[*].status.conditions[*].message}',
      );
      return text.includes('nodes are available') && text;
    });
    expect(why).toContain(`${nodeCount} node(s) didn't match pod anti-affinity rules`);
  },
  timeoutMs,
);
