import { afterEach, expect, test } from 'vitest';
import type { Event, Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { type JsonObject, keyOf } from '../../api/meta.ts';
import { events, leases, nodes, pods, workloads } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { workloadController } from '../workload/controller.ts';
import type { NodeLifecycleOptions } from './context.ts';
import { runNodeLifecycle } from './run.ts';

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.bench.stop();
});

const signal = new AbortController().signal;
const leaseKey = (name: string) => ({ namespace: 'kube-node-lease', name });

/** Nodes with agents that can be cut off, and the controllers. */
class Scene {
  readonly bench: Bench = createBench();
  /** Agents that beat. */
  readonly alive = new Set<string>();
  #beat = 0;

  static async make(count: number, options: Partial<NodeLifecycleOptions> = {}): Promise<Scene> {
    const scene = new Scene();
    scenes.push(scene);
    const { bench } = scene;
    for (let i = 1; i <= count; i += 1) await scene.addNode(`n${i}`);
    bench.run(workloadController(bench));
    bench.runTask((deps) => runNodeLifecycle(deps, options));
    await bench.start();
    await scene.pass(6_000);
    return scene;
  }

  /** What another had stored, `ms` later, and new controllers. */
  static async after(before: Scene, ms: number): Promise<Scene> {
    const scene = new Scene();
    scenes.push(scene);
    const { bench } = scene;
    await bench.clock.advance(before.bench.clock.now() - bench.clock.now());
    for (const kind of [workloads, nodes, leases, pods]) {
      for (const each of before.bench.api.all(kind)) {
        const owner = bench.api.peek(workloads, 'a/web')?.metadata.uid;
        const ownerReferences = each.metadata.ownerReferences?.map((reference) => ({
          ...reference,
          uid: owner ?? '',
        }));
        const metadata = { ...each.metadata, ...(ownerReferences ? { ownerReferences } : {}) };
        const copy = await bench.api.create(kind, { ...each, metadata }, { signal });
        const { status } = each as unknown as { status?: JsonObject };
        if (status !== undefined) await bench.patch(kind, keyOf(copy), { status }, 'status');
      }
    }
    await bench.clock.advance(ms);
    for (const name of before.alive) scene.alive.add(name);
    scene.#beat = before.#beat;
    bench.runTask((deps) => runNodeLifecycle(deps));
    await bench.start();
    return scene;
  }

  async addNode(name: string): Promise<void> {
    const { api } = this.bench;
    await api.create(nodes, object(nodes, name, { spec: {} }), { signal });
    const spec = { renewTime: '0' };
    await api.create(leases, object(leases, `kube-node-lease/${name}`, { spec }), { signal });
    this.alive.add(name);
    await this.say(name, 'True');
  }

  /** What an agent says of its node. */
  async say(name: string, ready: 'True' | 'False'): Promise<void> {
    const lastHeartbeatTime = new Date(this.bench.clock.now()).toISOString();
    const conditions = [{ type: 'Ready', status: ready, reason: 'Agent', lastHeartbeatTime }];
    await this.bench.patch(nodes, name, { status: { conditions } }, 'status');
  }

  /** Lets time pass; who is alive beats every five seconds. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5_000) {
      this.#beat += 1;
      for (const name of this.alive) {
        const spec = { renewTime: String(this.#beat) };
        await this.bench.api
          .patch(leases, leaseKey(name), { spec }, { signal })
          .catch(() => undefined);
      }
      await this.bench.pass(Math.min(5_000, ms - passed));
    }
    await this.bench.pass(200);
  }

  async workload(name: string, spec: JsonObject = {}, pod: JsonObject = {}): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c' }], ...pod } };
    const whole = { replicas: 1, selector: { matchLabels: labels }, template, ...spec };
    await this.bench.api.create(workloads, object(workloads, `a/${name}`, { spec: whole }), {
      signal,
    });
    await this.bench.pass(100);
  }

  /** What scheduler and agent would do. */
  async runOn(node: string): Promise<void> {
    for (const pod of this.pods()) {
      if (pod.spec.nodeName !== undefined) continue;
      const key = `a/${pod.metadata.name}`;
      await this.bench.patch(pods, key, { spec: { nodeName: node } });
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      await this.bench.patch(pods, key, { status }, 'status');
    }
    await this.bench.pass(100);
  }

  node(name: string): Node | undefined {
    return this.bench.api.peek<Node>(nodes, name);
  }

  ready(name: string) {
    return this.node(name)?.status?.conditions?.find(({ type }) => type === 'Ready');
  }

  taints(name: string): readonly string[] {
    return (this.node(name)?.spec.taints ?? []).map(
      ({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`,
    );
  }

  pods(): readonly Pod[] {
    return this.bench.api.all<Pod>(pods);
  }

  leaving(): readonly string[] {
    return this.pods()
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name ?? '');
  }

  staying(): readonly string[] {
    return this.pods()
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name ?? '');
  }

  events(reason: string): readonly Event[] {
    return this.bench.api.all<Event>(events).filter((event) => event.reason === reason);
  }
}

const unreachable = ['unreachable:NoSchedule', 'unreachable:NoExecute'];

test('a silent node is marked after 40 s, its pod moves after 300 s more, and all is undone', async () => {
  const scene = await Scene.make(3);
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(35_000);
  expect(scene.ready('n1')?.status).toBe('True');
  await scene.pass(15_000);
  expect(scene.ready('n1')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
  expect(scene.taints('n1')).toEqual(unreachable);
  expect(scene.taints('n2')).toEqual([]);
  const ready = scene.pods()[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
  expect(ready).toMatchObject({ status: 'False', reason: 'NodeUnreachable' });
  await scene.pass(285_000);
  expect(scene.leaving()).toEqual([]);
  await scene.pass(20_000);
  expect(scene.leaving()).toHaveLength(1);
  // The one that goes does not stand in the way of the one that comes.
  expect(scene.staying()).toHaveLength(1);
  expect(scene.pods()[0]?.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }),
  );
  await scene.runOn('n2');
  const workload = scene.bench.api.peek<Workload>(workloads, 'a/web');
  expect(workload?.status).toMatchObject({ replicas: 1, readyReplicas: 1 });

  scene.alive.add('n1');
  await scene.pass(10_000);
  // The agent has not said yet how its node is.
  expect(scene.taints('n1')).toEqual(unreachable);
  await scene.say('n1', 'True');
  await scene.pass(1_000);
  expect(scene.taints('n1')).toEqual([]);
  const [surplus = ''] = scene.leaving();
  const key = { namespace: 'a', name: surplus };
  await scene.bench.api.delete(pods, key, { gracePeriodSeconds: 0, signal });
  await scene.pass(10_000);
  expect(scene.pods()).toHaveLength(1);
});

test('whoever comes back in time keeps its pods, and its next silence is counted from the start', async () => {
  const scene = await Scene.make(3);
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(300_000);
  scene.alive.add('n1');
  await scene.say('n1', 'True');
  await scene.pass(60_000);
  expect(scene.leaving()).toEqual([]);
  scene.alive.delete('n1');
  await scene.pass(300_000);
  expect(scene.leaving()).toEqual([]);
});

test('what must not exist twice stays, and says so once', async () => {
  const scene = await Scene.make(3);
  await scene.workload('db', { identity: 'Stable' });
  await scene.workload('disk', {}, { volumes: [{ name: 'd', persistentVolumeClaim: {} }] });
  const lone = object(pods, 'a/lone', { spec: { containers: [] } });
  await scene.bench.api.create(pods, lone, { signal });
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(2_000_000);
  expect(scene.leaving()).toEqual([]);
  const told = scene.events('NodeUnreachable');
  expect(told.map(({ involvedObject }) => involvedObject?.name).sort()).toEqual(
    scene.staying().toSorted(),
  );
  expect(told.map(({ count }) => count)).toEqual([1, 1, 1]);
  const pod = scene.bench.api.peek<Pod>(pods, 'a/db-0');
  const ready = pod?.status?.conditions?.find(({ type }) => type === 'Ready');
  expect(ready?.message).toContain('its identity is Stable');
  expect(ready?.message).toContain('kubectl delete node n1');
});

test('tolerations say how long', async () => {
  const scene = await Scene.make(3);
  const key = 'node.kubernetes.io/unreachable';
  const tolerating = (tolerationSeconds?: number) => ({
    tolerations: [
      {
        key,
        operator: 'Exists',
        ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
      },
    ],
  });
  await scene.workload('soon', {}, tolerating(0));
  await scene.workload('later', {}, tolerating(60));
  await scene.workload('never', {}, tolerating());
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(50_000);
  expect(scene.leaving().map((name) => name.split('-')[0])).toEqual(['soon']);
  await scene.pass(70_000);
  expect(scene.leaving().map((name) => name.split('-')[0])).toEqual(['soon', 'later']);
  await scene.pass(1_000_000);
  expect(scene.leaving()).toHaveLength(2);
});

test.each([
  [1, 1],
  [2, 2],
  [5, 3],
])('of %i nodes %i silent: a wave, and nothing is evicted', async (count, silent) => {
  const scene = await Scene.make(count);
  await scene.workload('web');
  await scene.runOn('n1');
  for (let i = 1; i <= silent; i += 1) scene.alive.delete(`n${i}`);
  await scene.pass(1_000_000);
  expect(scene.ready('n1')?.status).toBe('Unknown');
  expect(scene.leaving()).toEqual([]);
  expect(scene.events('EvictionsSuspended')).toHaveLength(silent);
});

test('after a wave everybody has the full time again', async () => {
  const scene = await Scene.make(5);
  await scene.workload('web');
  await scene.runOn('n1');
  for (const name of ['n1', 'n2', 'n3']) scene.alive.delete(name);
  await scene.pass(1_000_000);
  scene.alive.add('n2');
  await scene.say('n2', 'True');
  await scene.pass(280_000);
  expect(scene.leaving()).toEqual([]);
  await scene.pass(30_000);
  expect(scene.leaving()).toHaveLength(1);
});

test('a server that cannot be asked is no reason to call nodes silent', async () => {
  const scene = await Scene.make(3);
  scene.alive.delete('n1');
  await scene.pass(30_000);
  scene.bench.api.before = ({ verb }) => {
    if (verb === 'get') throw new StatusError(503, 'ServiceUnavailable', 'no store');
  };
  await scene.pass(60_000);
  scene.bench.api.before = () => {};
  await scene.pass(20_000);
  expect(scene.ready('n1')?.status).toBe('True');
  await scene.pass(40_000);
  expect(scene.ready('n1')?.status).toBe('Unknown');
});

test('a watch that lags is no reason either', async () => {
  const scene = await Scene.make(3);
  scene.bench.api.hold(leases);
  await scene.pass(200_000);
  expect(['n1', 'n2', 'n3'].map((name) => scene.ready(name)?.status)).toEqual([
    'True',
    'True',
    'True',
  ]);
});

test('a controller that begins anew evicts nothing before it has heard the silence itself', async () => {
  const scene = await Scene.make(3);
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(100_000);
  expect(scene.taints('n1')).toEqual(unreachable);
  const next = await Scene.after(scene, 3_600_000);
  await next.pass(35_000);
  expect(next.leaving()).toEqual([]);
  await next.pass(10_000);
  expect(next.leaving()).toHaveLength(1);
});

test('a node that says it is not ready is tainted, and its pods move in time', async () => {
  const scene = await Scene.make(3);
  await scene.workload('web');
  await scene.workload('db', { identity: 'Stable' });
  await scene.runOn('n1');
  await scene.say('n1', 'False');
  await scene.pass(5_000);
  expect(scene.taints('n1')).toEqual(['not-ready:NoSchedule', 'not-ready:NoExecute']);
  // Its agent answers and tells of its pods itself.
  const ready = scene.pods()[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
  expect(ready?.status).toBe('True');
  await scene.pass(310_000);
  expect(scene.leaving().map((name) => name.split('-')[0])).toEqual(['web']);
});

test("people's NoExecute taints evict at once whoever does not tolerate them", async () => {
  const scene = await Scene.make(3);
  await scene.workload('web');
  await scene.workload('db', { identity: 'Stable' });
  const tolerations = [{ key: 'k', operator: 'Exists', tolerationSeconds: 30 }];
  await scene.workload('patient', {}, { tolerations });
  await scene.runOn('n1');
  const taints = [{ key: 'k', value: 'v', effect: 'NoExecute' }];
  await scene.bench.patch(nodes, 'n1', { spec: { taints } });
  await scene.bench.pass(500);
  const names = () => scene.leaving().map((name) => name.split('-')[0]);
  expect(names().sort()).toEqual(['db', 'web']);
  await scene.pass(20_000);
  expect(names()).not.toContain('patient');
  await scene.pass(11_000);
  expect(names()).toContain('patient');
});

test('a deleted Node object is the word that the machine is dead: 40 s later its pods are gone', async () => {
  const scene = await Scene.make(3);
  await scene.workload('db', { identity: 'Stable' });
  await scene.runOn('n1');
  const before = scene.pods()[0]?.metadata.uid;
  scene.alive.delete('n1');
  await scene.pass(60_000);
  await scene.bench.api.delete(nodes, { name: 'n1' }, { signal });
  await scene.pass(35_000);
  expect(scene.pods()[0]?.metadata.uid).toBe(before);
  await scene.pass(15_000);
  // The next instance of the same name, free to start elsewhere.
  const [pod] = scene.pods();
  expect(pod?.metadata).toMatchObject({ name: 'db-0' });
  expect(pod?.metadata.uid).not.toBe(before);
  expect(pod?.spec.nodeName).toBeUndefined();
});

test('a Node object that comes back in time keeps its pods', async () => {
  const scene = await Scene.make(3);
  await scene.workload('db', { identity: 'Stable' });
  await scene.runOn('n1');
  const before = scene.pods()[0]?.metadata.uid;
  for (let i = 0; i < 4; i += 1) {
    await scene.bench.api.delete(nodes, { name: 'n1' }, { signal });
    await scene.pass(30_000);
    await scene.bench.api.delete(leases, leaseKey('n1'), { signal });
    await scene.addNode('n1');
    await scene.bench.pass(1);
  }
  expect(scene.pods()[0]?.metadata.uid).toBe(before);
});

test('the taint out-of-service is the same word, unless the agent answers', async () => {
  const scene = await Scene.make(3);
  await scene.workload('db', { identity: 'Stable' });
  await scene.workload('other', { identity: 'Stable' });
  const [db, other] = scene.pods();
  await scene.bench.patch(pods, 'a/other-0', { spec: { nodeName: 'n2' } });
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(60_000);
  for (const name of ['n1', 'n2']) {
    const taints = [
      ...(scene.node(name)?.spec.taints ?? []).map((taint) => ({ ...taint })),
      { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' },
    ];
    await scene.bench.patch(nodes, name, { spec: { taints } });
  }
  await scene.pass(10_000);
  const now = (name: string) => scene.bench.api.peek<Pod>(pods, `a/${name}`)?.metadata;
  expect(now('db-0')?.uid).not.toBe(db?.metadata.uid);
  expect(now('db-0')?.deletionTimestamp).toBeUndefined();
  // Evicted as by any taint; its agent confirms the end.
  expect(now('other-0')?.uid).toBe(other?.metadata.uid);
  expect(now('other-0')?.deletionTimestamp).toBeDefined();
});

test('intervals can be shortened', async () => {
  const scene = await Scene.make(3, { graceMs: 10_000, defaultTolerationMs: 10_000 });
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(30_000);
  expect(scene.leaving()).toHaveLength(1);
});
