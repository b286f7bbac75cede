import { afterEach, expect, test } from 'vitest';
import type { Pod, VM, Workload } from '../../api/kinds.gen.ts';
import { leases, nodes, pods, vms, workloads } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { object } from '../../test/harness/fake-api.ts';
import { leaseKey, NodeScene } from '../../test/harness/node-scene.ts';

const scenes: NodeScene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.bench.stop();
});

/** A scene that ends with the test. */
async function open(scene: Promise<NodeScene>): Promise<NodeScene> {
  scenes.push(await scene);
  return scene;
}

const signal = new AbortController().signal;
const unreachable = ['unreachable:NoSchedule', 'unreachable:NoExecute'];

test('a silent node is marked after 40 s, its pod moves after 300 s more, and all is undone', async () => {
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(count));
  await scene.workload('web');
  await scene.runOn('n1');
  for (let i = 1; i <= silent; i += 1) scene.alive.delete(`n${i}`);
  await scene.pass(1_000_000);
  expect(scene.ready('n1')?.status).toBe('Unknown');
  expect(scene.leaving()).toEqual([]);
  expect(scene.events('EvictionsSuspended')).toHaveLength(silent);
});

test('after a wave everybody has the full time again', async () => {
  const scene = await open(NodeScene.make(5));
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
  const scene = await open(NodeScene.make(3));
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

test('a full store, in which nobody can beat, is no reason either', async () => {
  const scene = await open(NodeScene.make(3));
  await scene.workload('web');
  await scene.runOn('n1');
  scene.bench.api.before = ({ verb }) => {
    if (verb !== 'get' && verb !== 'list') {
      throw new StatusError(507, 'InsufficientStorage', 'the store is full');
    }
  };
  await scene.pass(900_000);
  scene.bench.api.before = () => {};
  await scene.pass(20_000);
  for (const name of ['n1', 'n2', 'n3']) {
    expect(scene.ready(name)?.status).toBe('True');
    expect(scene.taints(name)).toEqual([]);
  }
  expect(scene.leaving()).toEqual([]);
  // Who does not come back is called silent after the full time.
  scene.alive.delete('n1');
  await scene.pass(50_000);
  expect(scene.ready('n1')?.status).toBe('Unknown');
});

test('a watch that lags is no reason either', async () => {
  const scene = await open(NodeScene.make(3));
  scene.bench.api.hold(leases);
  await scene.pass(200_000);
  expect(['n1', 'n2', 'n3'].map((name) => scene.ready(name)?.status)).toEqual([
    'True',
    'True',
    'True',
  ]);
});

test('a controller that begins anew evicts nothing before it has heard the silence itself', async () => {
  const scene = await open(NodeScene.make(3));
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(100_000);
  expect(scene.taints('n1')).toEqual(unreachable);
  const next = await open(NodeScene.after(scene, 3_600_000));
  await next.pass(35_000);
  expect(next.leaving()).toEqual([]);
  await next.pass(10_000);
  expect(next.leaving()).toHaveLength(1);
});

test('a node that says it is not ready is tainted, and its pods move in time', async () => {
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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

test('a machine says that its node is silent or dead, and one that was deleted goes with a dead one', async () => {
  const scene = await open(NodeScene.make(3));
  const { api } = scene.bench;
  const vm = async (name: string, nodeName: string) => {
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    await api.create(vms, object(vms, `a/${name}`, { spec: { nodeName } }), { signal });
    await scene.bench.patch(vms, `a/${name}`, { status }, 'status');
  };
  const ready = (name: string) =>
    api.peek<VM>(vms, `a/${name}`)?.status?.conditions?.find(({ type }) => type === 'Ready');
  await vm('stays', 'n1');
  await vm('goes', 'n1');
  await vm('ghost', 'nowhere');
  await vm('well', 'n2');
  scene.alive.delete('n1');
  await scene.pass(60_000);
  expect(ready('stays')).toMatchObject({ status: 'False', reason: 'NodeUnreachable' });
  expect(ready('well')).toMatchObject({ status: 'True' });
  expect(ready('ghost')?.message).toContain('Node nowhere is dead');
  for (const name of ['goes', 'ghost']) {
    await api.delete(vms, { namespace: 'a', name }, { gracePeriodSeconds: 30, signal });
  }
  await scene.pass(10_000);
  const names = () => api.all<VM>(vms).map(({ metadata }) => metadata.name);
  expect(names()).toEqual(['stays', 'goes', 'well']);
  await api.delete(nodes, { name: 'n1' }, { signal });
  await scene.pass(50_000);
  expect(names()).toEqual(['stays', 'well']);
});

test('a Node object that comes back in time keeps its pods', async () => {
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3));
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
  const scene = await open(NodeScene.make(3, { graceMs: 10_000, defaultTolerationMs: 10_000 }));
  await scene.workload('web');
  await scene.runOn('n1');
  scene.alive.delete('n1');
  await scene.pass(30_000);
  expect(scene.leaving()).toHaveLength(1);
});
