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
