/** Where pods go, and how a pod that has no place says why. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { nodes, pods, priorityClasses, workloads } from '../../api/resources.gen.ts';
import { parseCpuList } from '../../lib/cpu-list.ts';
import { freePort } from '../harness/etcd.ts';
import { containerOf, nameOf, never, onEtcd, restScript, Scene, workloadOf } from './scene.ts';
import { until } from './until.ts';

onEtcd('scheduling', (plane) => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.open(plane());
  });

  const key = { name: 'node-1' };
  const node = () => plane().client.get<Node>(nodes, key, never);
  const patchNode = (patch: object) =>
    plane().client.patch<Node>(nodes, key, patch as Record<string, never>, never);

  afterEach(async () => {
    await patchNode({
      spec: { unschedulable: null, taints: null },
      metadata: { labels: { disk: null } },
    });
    await Promise.all((await scene.pods()).map((pod) => scene.delete(pods, nameOf(pod))));
  });

  test('what is too big says by how much, in each dimension', async () => {
    const requests = { cpu: '1000', memory: '1Pi' };
    await scene.createPod('huge', {
      containers: [containerOf(restScript, { resources: { requests } })],
    });
    const message = await untilPending(scene, 'huge');
    expect(message).toContain('0/1 nodes are available');
    expect(message).toContain('Insufficient cpu');
    expect(message).toContain('Insufficient memory');
    const event = await until('an event says so', async () =>
      (await scene.events('huge')).find(({ reason }) => reason === 'FailedScheduling'),
    );
    expect(event.type).toBe('Warning');
    expect(event.message).toBe(message);
    expect((await scene.pod('huge')).status?.phase).toBe('Pending');
    await scene.delete(pods, 'huge');
    // Nobody runs it, so nobody has to be waited for.
    await scene.untilGone(pods, 'huge');
  });

  test('what does not fit runs as soon as others make room', async () => {
    const { status } = await node();
    // Two of these fit on any machine, and three do not.
    const cpu = `${Math.floor(milli(String(status?.allocatable?.['cpu'])) * 0.4)}m`;
    const container = { resources: { requests: { cpu } } };
    await scene.create<Workload>(
      workloads,
      workloadOf('first', { replicas: 2 }, restScript, container),
    );
    await scene.untilReadyPods(2, 'app=first');
    await scene.create<Workload>(
      workloads,
      workloadOf('second', { replicas: 1 }, restScript, container),
    );
    const [pending] = await until('the pod exists', async () => {
      const found = await scene.pods('app=second');
      return found.length > 0 && found;
    });
    expect(await untilPending(scene, pending ? nameOf(pending) : '')).toContain('Insufficient cpu');
    await scene.patch(workloads, 'first', { spec: { replicas: 1 } });
    await scene.untilReadyPods(1, 'app=second');
    await Promise.all(['first', 'second'].map((name) => scene.delete(workloads, name)));
    await scene.untilNoPods();
  });

  test('what is important takes the place of what is less so', async () => {
    const { status } = await node();
    const cpu = `${Math.floor(milli(String(status?.allocatable?.['cpu'])) * 0.8)}m`;
    const container = containerOf(restScript, { resources: { requests: { cpu } } });
    const vip = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'vip' },
      value: 1000,
    };
    await plane().client.create(priorityClasses, vip, never);
    await scene.createPod('usual', { containers: [container] });
    const { metadata } = await scene.untilReady('usual');
    await scene.createPod('vip', { priorityClassName: 'vip', containers: [container] });
    await scene.untilReady('vip');
    await scene.untilGone(pods, 'usual');
    const told = await scene.events('usual');
    expect(told.find(({ reason }) => reason === 'Preempted')).toMatchObject({
      involvedObject: { uid: metadata.uid },
      message: expect.stringContaining(`on node ${key.name}`),
    });
    const { spec, status: now } = await scene.pod('vip');
    expect(spec).toMatchObject({ priority: 1000, preemptionPolicy: 'PreemptLowerPriority' });
    expect(now?.nominatedNodeName).toBeUndefined();
    await plane().client.delete(priorityClasses, { name: 'vip' }, never);
  });

  test('a node selector waits for its label', async () => {
    await scene.createPod('picky', { nodeSelector: { disk: 'fast' } });
    expect(await untilPending(scene, 'picky')).toMatch(/node.*selector|affinity/);
    await patchNode({ metadata: { labels: { disk: 'fast' } } });
    await scene.untilReady('picky');
  });

  test('a cordoned node takes nobody, and keeps whom it has', async () => {
    await scene.createPod('there', {});
    await scene.untilReady('there');
    await patchNode({ spec: { unschedulable: true } });
    await scene.createPod('late', {});
    expect(await untilPending(scene, 'late')).toContain('unschedulable');
    await scene.untilReady('there');
    await patchNode({ spec: { unschedulable: false } });
    await scene.untilReady('late');
  });

  test('a taint keeps out who does not tolerate it', async () => {
    await patchNode({ spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } });
    await scene.createPod('plain', {});
    await scene.createPod('tolerant', {
      tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }],
    });
    await scene.untilReady('tolerant');
    expect(await untilPending(scene, 'plain')).toContain('taint');
    await patchNode({ spec: { taints: null } });
    await scene.untilReady('plain');
  });

  test('a strategy that nobody knows is refused, with those there are', async () => {
    const placement = { strategy: 'Everywhere' } as unknown as { strategy: 'Spread' };
    const made = scene.createWorkload('odd', { replicas: 1, placement });
    await expect(made).rejects.toMatchObject({ reason: 'Invalid', code: 422 });
    await expect(made).rejects.toThrow(/spec\.placement\.strategy.*Everywhere.*Spread.*Pack/);
    await expect(scene.workload('odd')).rejects.toMatchObject({ reason: 'NotFound' });
  });

  test('a bound pod gets cores of its own, and those that share leave them and come back', async () => {
    const all = parseCpuList((await node()).metadata.annotations?.['berth.dev/cores'] ?? '') ?? [];
    expect(all.length, 'a machine of two cores or more').toBeGreaterThan(1);
    await scene.createPod('shared', {});
    await scene.untilReady('shared');
    const cores = async (name: string) => {
      const { stdout } = await scene.exec(name, 'grep', 'Cpus_allowed_list', '/proc/self/status');
      return parseCpuList(stdout.split(':')[1] ?? '');
    };
    expect(await cores('shared')).toEqual(all);

    const bound = containerOf(restScript, { resources: { requests: { cpu: '1' } } });
    const annotations = { 'berth.dev/cpu-binding': 'Bound' };
    await scene.createPod('bound', { containers: [bound] }, { annotations });
    const { metadata } = await scene.untilReady('bound');
    const allocation = JSON.parse(metadata.annotations?.['berth.dev/allocation'] ?? '{}');
    const own = Object.keys(allocation.cpuBound.cores).map(Number);
    expect(allocation.cpuBound.cores).toEqual({ [String(own[0])]: 100 });
    expect(await cores('bound')).toEqual(own);
    const left = all.filter((core) => !own.includes(core));
    await until('the others have left', async () => `${await cores('shared')}` === `${left}`);
    await scene.createPod('late', {});
    await scene.untilReady('late');
    expect(await cores('late')).toEqual(left);

    const many = containerOf(restScript, { resources: { requests: { cpu: `${all.length}` } } });
    await scene.createPod('more', { containers: [many] }, { annotations });
    expect(await untilPending(scene, 'more')).toContain('Insufficient bound cpu');
    await scene.delete(pods, 'bound');
    await until('the others are back', async () => `${await cores('shared')}` === `${all}`);
  });

  test('a host port is given once', async () => {
    const ports = [{ containerPort: 80, hostPort: await freePort() }];
    const containers = [containerOf(restScript, { ports })];
    await scene.createPod('one', { containers });
    await scene.untilReady('one');
    await scene.createPod('two', { containers });
    expect(await untilPending(scene, 'two')).toMatch(/free ports/);
    await scene.delete(pods, 'one');
    await scene.untilReady('two');
  });
});

/** The message of the condition that says that there is no place. */
async function untilPending(scene: Scene, name: string): Promise<string> {
  const pod = await scene.untilPod(
    name,
    'has no place',
    (each) => scheduled(each)?.status === 'False',
  );
  expect(scheduled(pod)?.reason).toBe('Unschedulable');
  expect(pod.spec.nodeName ?? '').toBe('');
  return scheduled(pod)?.message ?? '';
}

function scheduled(pod: Pod) {
  return pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

/** `2` and `1900m` as thousandths. */
function milli(cpu: string): number {
  return cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;
}
