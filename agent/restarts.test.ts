import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configMaps, secrets } from '../api/resources.gen.ts';
import { container, readyOf, restartsOf, waitingReason } from '../test/harness/agent.ts';
import { agentPerTest } from '../test/harness/agent-per-test.ts';
import { object } from '../test/harness/fake-api.ts';

const signal = new AbortController().signal;
const { begin, make } = agentPerTest();

describe('restarts', () => {
  test('the first at once, the next ones with growing waits', async () => {
    const h = await begin();
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
    const h = await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    for (let restart = 1; restart <= 3; restart += 1) {
      await h.clock.advance(600_000);
      await h.engine.exit(uid, 'main', 1);
      await h.untilPod('web', (p) => restartsOf(p) === restart && readyOf(p) === 'True');
    }
  });

  test('OnFailure: until it succeeds', async () => {
    const h = await begin();
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
    const h = await begin();
    const uid = (await h.createPod('job', { restartPolicy: 'Never' })).metadata.uid ?? '';
    await h.untilRunning('job');
    await h.engine.exit(uid, 'main', 137, true);
    const { status } = await h.untilPod('job', (p) => p.status?.phase === 'Failed');
    expect(status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe('OOMKilled');
    await h.clock.advance(120_000);
    expect(h.engine.calls.filter((call) => call.startsWith('ensure'))).toHaveLength(1);
  });

  test('a container that cannot be started says why, and does not hold up the others', async () => {
    const h = await begin();
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
    const h = await begin();
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

  test('what the runtime forgot, as units are by a reboot, is a restart', async () => {
    const h = await begin();
    await h.createPod('web');
    await h.untilRunning('web');
    h.engine.instances.clear();
    await h.clock.advance(60_000);
    await h.untilPod('web', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
  });

  test('init containers first, one after another', async () => {
    const h = await begin();
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
    const h = await make();
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
    const h = await begin();
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
