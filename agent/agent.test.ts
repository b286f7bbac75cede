import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Lease, Node, NodeTopology } from '../api/kinds.gen.ts';
import { leases, nodes, nodeTopologies } from '../api/resources.gen.ts';
import { container, readyOf, waitingReason } from '../test/harness/agent.ts';
import { agentPerTest } from '../test/harness/agent-per-test.ts';
import { leftOn } from '../test/harness/garbage.ts';

const signal = new AbortController().signal;
const { begin, make } = agentPerTest();

describe('running a pod', () => {
  test('starts it and tells about it as kubectl expects', async () => {
    const h = await begin();
    const { metadata } = await h.createPod('web', {
      containers: [container('main', { resources: { requests: { cpu: '100m' } } })],
    });
    const { status } = await h.untilRunning('web');
    expect(status).toMatchObject({
      phase: 'Running',
      hostIP: '192.0.2.1',
      hostIPs: [{ ip: '192.0.2.1' }],
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }],
      startTime: '2026-01-01T00:00:00Z',
    });
    expect(status?.containerStatuses).toEqual([
      {
        name: 'main',
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        lastState: {},
        ready: true,
        restartCount: 0,
        image: 'app:1',
        imageID: 'fake://sha256:app:1',
        containerID: 'fake://2',
        started: true,
      },
    ]);
    expect(status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
    ]);
    expect((await h.instance(metadata.uid))?.name).toBe('web');
    await h.until(() => h.events('web').includes('Started'));
    expect(h.events('web')).toEqual(['Pulled', 'Created', 'Started']);
  });

  test('nothing is left of pods that came and went', async () => {
    const h = await begin();
    const life = async (name: string) => {
      await h.createPod(name);
      await h.untilRunning(name);
      await h.deletePod(name, 0);
      await h.until(() => h.pod(name) === undefined);
      await h.settle();
    };
    await life('first');
    const before = leftOn(h.signal);
    for (let i = 0; i < 10; i += 1) await life(`pod-${i}`);
    expect(leftOn(h.signal)).toBe(before);
  });

  test('keeps conditions that others wrote', async () => {
    const h = await make();
    await h.createPod('web');
    const conditions = [{ type: 'PodScheduled', status: 'True' }];
    const key = { namespace: 'default', name: 'web' };
    const { pods } = await import('../api/resources.gen.ts');
    await h.api.patch(pods, key, { status: { conditions } }, { subresource: 'status', signal });
    h.start();
    const { status } = await h.untilRunning('web');
    expect(status?.conditions?.map(({ type }) => type)).toContain('PodScheduled');
  });

  test('writes nothing while nothing changes', async () => {
    const h = await begin();
    await h.createPod('web');
    await h.untilRunning('web');
    await h.settle();
    const before = h.pod('web')?.metadata.resourceVersion;
    await h.clock.advance(180_000);
    await h.settle();
    expect(h.pod('web')?.metadata.resourceVersion).toBe(before);
  });

  test('a pod for a runtime that is not here waits', async () => {
    const h = await begin();
    await h.createPod('web', { runtimeClassName: 'libvirt' });
    const pod = await h.untilPod('web', (p) => waitingReason(p) !== undefined);
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('libvirt');
    await h.deletePod('web');
    await h.until(() => h.pod('web') === undefined);
  });

  test('is handed the GPUs that it was given, and refused what the node has not', async () => {
    const h = await make();
    const root = join(h.dataDir, 'root');
    for (const [bus, uuid] of ['GPU-a', 'GPU-b'].entries()) {
      const folder = join(root, 'proc/driver/nvidia/gpus', `0000:0${bus}:00.0`);
      await mkdir(folder, { recursive: true });
      const text = `Model: \t Tesla T4\nGPU UUID: \t ${uuid}\nDevice Minor: \t ${bus}\n`;
      await writeFile(join(folder, 'information'), text);
    }
    const runtime = h.engine.runtime('node-1');
    const asked = new Map<string, readonly unknown[] | undefined>();
    const ensure = runtime.ensure.bind(runtime);
    runtime.ensure = (spec, options) => {
      // What is there already is only named later.
      for (const { name, gpus } of spec.containers)
        if (!asked.has(`${spec.name}/${name}`)) asked.set(`${spec.name}/${name}`, gpus);
      return ensure(spec, options);
    };
    h.start({ devicesRoot: root, runtimes: [runtime] });
    await h.until(
      () => h.api.peek<Node>(nodes, 'node-1')?.metadata.annotations?.['berth.dev/gpus'] === 'T4,T4',
    );
    const one = container('main', { resources: { limits: { 'berth.dev/gpu': '1' } } });
    const given = (...devices: number[]) => ({
      annotations: { 'berth.dev/allocation': JSON.stringify({ gpu: { devices, milli: 1000 } }) },
    });
    await h.createPod('web', { containers: [one, container('side')] }, given(1));
    await h.untilRunning('web');
    expect(asked).toEqual(
      new Map([
        ['web/main', [expect.objectContaining({ id: 'GPU-b', paths: ['/dev/nvidia1'] })]],
        ['web/side', []],
      ]),
    );
    await h.createPod('lost', { containers: [one] }, given(2));
    const lost = await h.untilPod('lost', (p) => waitingReason(p) === 'CreateContainerConfigError');
    expect(lost.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      'was given GPU 2, but this node has only 0, 1: delete the pod to have it placed again',
    );
    await h.createPod('second', { containers: [one] }, given(1));
    await h.untilPod('second', (p) => waitingReason(p) === 'CreateContainerConfigError');
    // The other one ended: it is free now.
    await h.deletePod('web', 0);
    await h.until(async () => {
      await h.clock.advance(1_000);
      return readyOf(h.pod('second')!) === 'True';
    });
  });

  test('a node without Docker is ready, and runs only what asks for what it has', async () => {
    const h = await begin({ name: 'systemd' });
    await h.createPod('process', { runtimeClassName: 'systemd' });
    await h.untilRunning('process');
    await h.createPod('container');
    const waits = await h.untilPod('container', (p) => waitingReason(p) !== undefined);
    expect(waits.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      'runtime "docker" is not on this node',
    );
    // It may run pods before it has told of itself.
    const node = await h.until(() => {
      const found = h.api.peek<Node>(nodes, 'node-1');
      return found?.metadata.annotations?.['berth.dev/runtimes'] === undefined ? undefined : found;
    });
    expect(node.metadata.annotations?.['berth.dev/runtimes']).toBe('systemd');
    expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  test('an engine that fails for a while is tried again', async () => {
    const { RuntimeError } = await import('../runtime/runtime.ts');
    const h = await make();
    h.engine.failNext('ensure', new RuntimeError('Unavailable', 'no engine'));
    h.engine.failNext('ensure', new RuntimeError('Unavailable', 'no engine'));
    h.start();
    await h.createPod('web');
    await h.until(async () => {
      await h.clock.advance(1_000);
      return readyOf(h.pod('web')!) === 'True';
    });
  });
});

describe('images', () => {
  test('a pull that fails is tried again with growing waits', async () => {
    const h = await begin();
    await h.createPod('web', { containers: [container('main', { image: 'new:1' })] });
    await h.untilPod('web', (p) => waitingReason(p) === 'ImagePullBackOff');
    const pulls = () => h.engine.calls.filter((call) => call === 'pull new:1').length;
    for (const [at, waitMs] of [10_000, 20_000, 40_000].entries()) {
      expect(pulls()).toBe(at + 1);
      await h.clock.advance(waitMs - 1);
      await h.settle();
      expect(pulls()).toBe(at + 1);
      await h.clock.advance(1);
      await h.until(() => pulls() === at + 2);
      await h.untilPod('web', (p) => waitingReason(p) === 'ImagePullBackOff');
    }
    expect(h.pod('web')?.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain(
      'manifest for new:1 not found',
    );
    h.engine.registry.add('new:1');
    await h.clock.advance(80_000);
    await h.untilRunning('web');
    await h.until(() => h.events('web').includes('Started'));
    expect(h.events('web')).toEqual(expect.arrayContaining(['Pulling', 'Failed', 'Pulled']));
  });

  test.each([
    ['ErrImageNeverPull', { image: 'new:1', imagePullPolicy: 'Never' as const }],
    ['InvalidImageName', { image: 'NOT VALID' }],
  ])('%s', async (reason, more) => {
    const h = await begin();
    await h.createPod('web', { containers: [container('main', more)] });
    await h.untilPod('web', (p) => waitingReason(p) === reason);
  });
});

describe('the node', () => {
  test('registers, reports and renews its lease', async () => {
    const h = await begin();
    const node = await h.until(() => {
      const found = h.api.peek<Node>(nodes, 'node-1');
      return found?.status === undefined ? undefined : found;
    });
    expect(node.metadata.labels).toMatchObject({
      'kubernetes.io/hostname': 'node-1',
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
    });
    expect(node.metadata.annotations).toMatchObject({ 'berth.dev/runtimes': 'docker' });
    expect(Object.keys(node.status?.capacity ?? {}).sort()).toEqual([
      'cpu',
      'ephemeral-storage',
      'memory',
      'pods',
    ]);
    expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    const lease = () => h.api.peek<Lease>(leases, 'kube-node-lease/node-1')?.spec.renewTime;
    const first = await h.until(lease);
    expect(first).toBe('2026-01-01T00:00:00.000000Z');
    await h.clock.advance(10_000);
    await h.until(() => lease() !== first);
  });

  test('tells what its machine is made of, once, and again when that changes', async () => {
    const h = await make();
    const devices = join(h.dataDir, 'devices');
    const release = join(devices, 'proc/sys/kernel/osrelease');
    await mkdir(dirname(release), { recursive: true });
    await writeFile(release, '6.1.0');
    h.start({ devicesRoot: devices });
    const topology = () => h.api.peek<NodeTopology>(nodeTopologies, 'node-1');
    const first = await h.until(() => (topology()?.status === undefined ? undefined : topology()));
    expect(first.metadata.ownerReferences).toEqual([
      {
        ...{ apiVersion: 'v1', kind: 'Node', name: 'node-1' },
        uid: h.api.peek<Node>(nodes, 'node-1')?.metadata.uid,
      },
    ]);
    expect(first.status).toMatchObject({
      ...{ kernel: '6.1.0', summary: { disks: 'local', runtimes: 'docker' } },
      disks: [{ name: 'local', class: 'local', path: join(h.dataDir, 'volumes') }],
    });
    await h.settle();
    await h.clock.advance(300_000);
    await h.settle();
    const quiet = topology()?.metadata.resourceVersion;
    await h.clock.advance(300_000);
    await h.settle();
    expect(topology()?.metadata.resourceVersion).toBe(quiet);
    await writeFile(release, '6.2.0');
    await h.clock.advance(60_000);
    await h.until(() => topology()?.status?.kernel === '6.2.0');
    await h.api.delete(nodeTopologies, { name: 'node-1' }, { signal });
    await h.until(() => topology()?.status?.kernel === '6.2.0');
  });

  test('is not ready while its engine does not answer', async () => {
    const { RuntimeError } = await import('../runtime/runtime.ts');
    const h = await make();
    h.engine.failNext('info', new RuntimeError('Unavailable', 'connect ENOENT'));
    h.start();
    const ready = () =>
      h.api.peek<Node>(nodes, 'node-1')?.status?.conditions?.find(({ type }) => type === 'Ready');
    await h.until(() => ready()?.status === 'False');
    expect(ready()?.message).toContain('ENOENT');
    await h.clock.advance(10_000);
    await h.until(() => ready()?.status === 'True');
  });
});
