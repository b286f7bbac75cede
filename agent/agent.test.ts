import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Lease, Node, NodeTopology } from '../api/kinds.gen.ts';
import { configMaps, leases, nodes, nodeTopologies, secrets } from '../api/resources.gen.ts';
import { StatusError } from '../api/status.ts';
import { AgentHarness, container, readyOf, waitingReason } from '../test/harness/agent.ts';
import { object } from '../test/harness/fake-api.ts';

const signal = new AbortController().signal;
let h: AgentHarness;

async function begin(engine: Parameters<typeof AgentHarness.make>[0] = {}): Promise<AgentHarness> {
  h = await AgentHarness.make(engine);
  h.start();
  return h;
}

afterEach(async () => {
  await h.clean();
});

describe('running a pod', () => {
  test('starts it and tells about it as kubectl expects', async () => {
    await begin();
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

  test('keeps conditions that others wrote', async () => {
    h = await AgentHarness.make();
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
    await begin();
    await h.createPod('web');
    await h.untilRunning('web');
    await h.settle();
    const before = h.pod('web')?.metadata.resourceVersion;
    await h.clock.advance(180_000);
    await h.settle();
    expect(h.pod('web')?.metadata.resourceVersion).toBe(before);
  });

  test('a pod for a runtime that is not here waits', async () => {
    await begin();
    await h.createPod('web', { runtimeClassName: 'libvirt' });
    const pod = await h.untilPod('web', (p) => waitingReason(p) !== undefined);
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('libvirt');
    await h.deletePod('web');
    await h.until(() => h.pod('web') === undefined);
  });

  test('is handed the GPUs that it was given, and refused what the node has not', async () => {
    h = await AgentHarness.make();
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

  test('an engine that fails for a while is tried again', async () => {
    const { RuntimeError } = await import('../runtime/runtime.ts');
    h = await AgentHarness.make();
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

describe('restarts', () => {
  test('the first at once, the next ones with growing waits', async () => {
    await begin();
    const { metadata } = await h.createPod('web');
    const uid = metadata.uid ?? '';
    await h.untilRunning('web');
    await h.engine.exit(uid, 'main', 1);
    const second = await h.untilPod('web', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
    expect(second.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      exitCode: 1,
      reason: 'Error',
    });
    for (const waitMs of [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      await h.engine.exit(uid, 'main', 1);
      const waiting = await h.untilPod('web', (p) => waitingReason(p) === 'CrashLoopBackOff');
      expect(waiting.status?.phase).toBe('Running');
      expect(readyOf(waiting)).toBe('False');
      const before = restartsOf(waiting);
      await h.clock.advance(waitMs - 1);
      await h.settle();
      expect(restartsOf(h.pod('web')!)).toBe(before);
      await h.clock.advance(1);
      await h.untilPod('web', (p) => restartsOf(p) === before + 1 && readyOf(p) === 'True');
    }
    await h.until(() => h.events('web').includes('BackOff'));
  });

  test('ten minutes of running make it start over', async () => {
    await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    for (let restart = 1; restart <= 3; restart += 1) {
      await h.clock.advance(600_000);
      await h.engine.exit(uid, 'main', 1);
      await h.untilPod('web', (p) => restartsOf(p) === restart && readyOf(p) === 'True');
    }
  });

  test('OnFailure: until it succeeds', async () => {
    await begin();
    const uid = (await h.createPod('job', { restartPolicy: 'OnFailure' })).metadata.uid ?? '';
    await h.untilRunning('job');
    await h.engine.exit(uid, 'main', 2);
    await h.untilPod('job', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
    await h.engine.exit(uid, 'main', 0);
    const { status } = await h.untilPod('job', (p) => p.status?.phase === 'Succeeded');
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      reason: 'Completed',
    });
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('PodCompleted');
  });

  test('Never: one failure is the end, and stays it', async () => {
    await begin();
    const uid = (await h.createPod('job', { restartPolicy: 'Never' })).metadata.uid ?? '';
    await h.untilRunning('job');
    await h.engine.exit(uid, 'main', 137, true);
    const { status } = await h.untilPod('job', (p) => p.status?.phase === 'Failed');
    expect(status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe('OOMKilled');
    await h.clock.advance(120_000);
    expect(h.engine.calls.filter((call) => call.startsWith('ensure'))).toHaveLength(1);
  });

  test('a container that cannot be started says why, and does not hold up the others', async () => {
    await begin();
    h.engine.failStart('bad', 'exec: "nope": executable file not found in $PATH');
    await h.createPod('web', { containers: [container('bad'), container('good')] });
    const pod = await h.untilPod('web', (p) => waitingReason(p) === 'CrashLoopBackOff');
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
      reason: 'ContainerCannotRun',
      exitCode: 127,
      message: expect.stringContaining('nope'),
    });
    expect(pod.status?.containerStatuses?.[1]?.ready).toBe(true);
    h.engine.failStart('bad', undefined);
    await h.clock.advance(10_000);
    await h.untilRunning('web');
  });

  test('what the runtime forgot is not run twice where once was asked for', async () => {
    await begin();
    const uid = (await h.createPod('job', { restartPolicy: 'Never' })).metadata.uid ?? '';
    await h.untilRunning('job');
    h.engine.lieOnce(uid, undefined);
    await h.clock.advance(60_000);
    await h.settle();
    expect(h.pod('job')?.status?.phase).toBe('Running');
    h.engine.instances.clear();
    await h.clock.advance(60_000);
    const { status } = await h.untilPod('job', (p) => p.status?.phase === 'Failed');
    expect(status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe(
      'ContainerStatusUnknown',
    );
  });

  test('init containers first, one after another', async () => {
    await begin();
    const spec = { initContainers: [container('first'), container('second')] };
    const uid = (await h.createPod('web', spec)).metadata.uid ?? '';
    await h.untilPod('web', (p) => p.status?.initContainerStatuses?.[0]?.started === true);
    expect(h.pod('web')?.status?.phase).toBe('Pending');
    expect(waitingReason(h.pod('web')!)).toBe('PodInitializing');
    await h.engine.exit(uid, 'first', 0);
    await h.untilPod('web', (p) => p.status?.initContainerStatuses?.[1]?.started === true);
    await h.engine.exit(uid, 'second', 0);
    const pod = await h.untilRunning('web');
    expect(pod.status?.initContainerStatuses?.map((each) => each.ready)).toEqual([true, true]);
    expect(pod.status?.phase).toBe('Running');
  });
});

describe('configuration', () => {
  test('environment and files come from ConfigMaps and Secrets', async () => {
    h = await AgentHarness.make();
    const map = object(configMaps, 'default/conf', { data: { COLOR: 'red', 'a.txt': 'text' } });
    await h.api.create(configMaps, map, { signal });
    const secret = object(secrets, 'default/pass', { data: { word: btoa('s3cret') } });
    await h.api.create(secrets, secret, { signal });
    h.start();
    const { metadata } = await h.createPod('web', {
      volumes: [
        { name: 'conf', configMap: { name: 'conf', items: [{ key: 'a.txt', path: 'd/b.txt' }] } },
        { name: 'pass', secret: { secretName: 'pass', defaultMode: 0o400 } },
        { name: 'scratch', emptyDir: {} },
      ],
      containers: [
        container('main', {
          envFrom: [{ prefix: 'P_', configMapRef: { name: 'conf' } }],
          env: [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'pass', key: 'word' } } }],
          args: ['$(WORD)', '$(P_COLOR)', '$$(WORD)', '$(ABSENT)'],
          volumeMounts: [
            { name: 'conf', mountPath: '/conf' },
            { name: 'pass', mountPath: '/pass' },
            { name: 'scratch', mountPath: '/scratch', subPath: 'deep' },
          ],
        }),
      ],
    });
    await h.untilRunning('web');
    const spec = [...h.engine.instances.values()][0]?.containers.get('main')?.[0]?.spec;
    expect(spec?.env).toMatchObject({ WORD: 's3cret', P_COLOR: 'red', 'P_a.txt': 'text' });
    expect(spec?.args).toEqual(['s3cret', 'red', '$(WORD)', '$(ABSENT)']);
    const volumes = join(h.dataDir, 'pods', metadata.uid ?? '', 'volumes');
    expect(await readFile(join(volumes, 'conf/d/b.txt'), 'utf8')).toBe('text');
    expect((await stat(join(volumes, 'conf/d/b.txt'))).mode & 0o777).toBe(0o644);
    expect((await stat(join(volumes, 'pass/word'))).mode & 0o777).toBe(0o400);
    expect(spec?.mounts).toEqual([
      { hostPath: join(volumes, 'conf'), containerPath: '/conf', readOnly: true },
      { hostPath: join(volumes, 'pass'), containerPath: '/pass', readOnly: true },
      { hostPath: join(volumes, 'scratch/deep'), containerPath: '/scratch', readOnly: false },
      {
        hostPath: join(volumes, '../containers/main/0'),
        containerPath: '/dev/termination-log',
        readOnly: false,
      },
    ]);
    await h.deletePod('web', 0);
    await h.until(() => !existsSync(volumes));
  });

  test('what is missing is named, and looked for again', async () => {
    await begin();
    await h.createPod('web', {
      containers: [container('main', { envFrom: [{ configMapRef: { name: 'absent' } }] })],
    });
    const reason = 'CreateContainerConfigError';
    const pod = await h.untilPod('web', (p) => waitingReason(p) === reason);
    expect(pod.status?.phase).toBe('Pending');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      'configmap "absent" not found',
    );
    await h.api.create(configMaps, object(configMaps, 'default/absent'), { signal });
    await h.clock.advance(5_000);
    await h.untilRunning('web');
  });
});

describe('images', () => {
  test('a pull that fails is tried again with growing waits', async () => {
    await begin();
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
    await begin();
    await h.createPod('web', { containers: [container('main', more)] });
    await h.untilPod('web', (p) => waitingReason(p) === reason);
  });
});

describe('stop, start and deletion', () => {
  test('a stopped pod keeps all it has, and starts again', async () => {
    await begin();
    const spec = { terminationGracePeriodSeconds: 7 };
    const uid = (await h.createPod('web', spec)).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.annotate('web', { 'berth.dev/running': 'false' });
    const stopped = await h.untilPod('web', (p) => p.status?.reason === 'Stopped');
    expect(stopped.status?.phase).toBe('Pending');
    expect(readyOf(stopped)).toBe('False');
    expect(h.engine.calls).toContain(`stop ${uid} 7000`);
    expect((await h.instance(uid))?.containers[0]?.state.phase).toBe('exited');
    await h.clock.advance(120_000);
    await h.settle();
    expect(h.pod('web')?.status?.reason).toBe('Stopped');
    await h.annotate('web', { 'berth.dev/running': null });
    const running = await h.untilRunning('web');
    expect(running.status?.reason).toBeUndefined();
    expect(restartsOf(running)).toBe(1);
  });

  test('a pod created stopped starts nothing', async () => {
    await begin();
    await h.createPod('web', {}, { annotations: { 'berth.dev/running': 'false' } });
    await h.untilPod('web', (p) => p.status?.reason === 'Stopped');
    expect(h.engine.calls).toEqual([]);
  });

  test('deletion: stop with its grace, remove, then away from the API', async () => {
    await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.deletePod('web', 11);
    await h.until(() => h.pod('web') === undefined);
    expect(h.engine.calls.slice(-2)).toEqual([`stop ${uid} 11000`, `remove ${uid} 0`]);
    await h.until(() => h.events('web').includes('Killing'));
  });

  test('a second deletion without grace cuts the first one short', async () => {
    const { aborted } = await import('../runtime/fake/process.ts');
    await begin({
      programs: {
        deaf: async ({ killed }) => {
          await aborted(killed);
          return 137;
        },
      },
    });
    const containers = [container('main', { command: ['deaf'] })];
    const uid = (await h.createPod('web', { containers })).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.deletePod('web', 3600);
    await h.until(() => h.engine.calls.includes(`stop ${uid} 3600000`));
    await h.deletePod('web', 0);
    await h.until(async () => {
      await h.clock.advance(1_000);
      return (await h.instance(uid)) === undefined ? true : undefined;
    });
  });
});

describe('adoption', () => {
  test('an agent that starts again adopts what runs', async () => {
    await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    const before = await h.instance(uid);
    await h.stop();
    expect(await h.instance(uid)).toEqual(before);
    h.start();
    await h.settle();
    await h.clock.advance(60_000);
    await h.settle();
    expect(await h.instance(uid)).toEqual(before);
    expect(restartsOf(h.pod('web')!)).toBe(0);
  });

  test('what ended meanwhile is started again', async () => {
    await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.stop();
    await h.engine.exit(uid, 'main', 1);
    h.start();
    await h.untilPod('web', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
  });

  test('instances that the API does not know are removed, but only once it has answered', async () => {
    await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.stop();
    await h.deletePod('web', 0);
    const down = new StatusError(503, 'ServiceUnavailable', 'no control plane');
    h.api.before = () => {
      throw down;
    };
    h.start();
    await h.settle();
    await h.clock.advance(120_000);
    await h.settle();
    expect((await h.instance(uid))?.containers[0]?.state.phase).toBe('running');
    h.api.before = () => {};
    await h.clock.advance(60_000);
    await h.until(async () => ((await h.instance(uid)) === undefined ? true : undefined));
  });

  test('without a control plane the last known pods start again', async () => {
    h = await AgentHarness.make();
    await h.api.create(configMaps, object(configMaps, 'default/c', { data: { K: 'v' } }), {
      signal,
    });
    h.start();
    const containers = [container('main', { envFrom: [{ configMapRef: { name: 'c' } }] })];
    const uid = (await h.createPod('web', { containers })).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.stop();
    expect((await stat(join(h.dataDir, 'checkpoint.json'))).mode & 0o777).toBe(0o600);
    await h.engine.exit(uid, 'main', 137);
    h.api.before = () => {
      throw new StatusError(503, 'ServiceUnavailable', 'no control plane');
    };
    h.start();
    await h.settle();
    expect((await h.instance(uid))?.containers[0]?.attempt).toBe(0);
    // The agent may still be on its way to its wait.
    await h.until(async () => {
      await h.clock.advance(1_000);
      const main = (await h.instance(uid))?.containers[0];
      return main?.attempt === 1 && main.state.phase === 'running' ? true : undefined;
    });
    const [instance] = h.engine.instances.values();
    expect(instance?.containers.get('main')?.at(-1)?.spec.env).toEqual({ K: 'v' });
  });
});

describe('the node', () => {
  test('registers, reports and renews its lease', async () => {
    await begin();
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
    h = await AgentHarness.make();
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
    h = await AgentHarness.make();
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

function restartsOf(pod: NonNullable<ReturnType<AgentHarness['pod']>>): number {
  return pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
}
