import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../api/kinds.gen.ts';
import { configMaps } from '../api/resources.gen.ts';
import { StatusError } from '../api/status.ts';
import {
  type AgentHarness,
  container,
  readyOf,
  restartsOf,
  waitingReason,
} from '../test/harness/agent.ts';
import { agentPerTest } from '../test/harness/agent-per-test.ts';
import { object } from '../test/harness/fake-api.ts';

const signal = new AbortController().signal;
const { begin, make } = agentPerTest();

describe('stop, start and deletion', () => {
  test('a stopped pod keeps all it has, and starts again', async () => {
    const h = await begin();
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

  test.each(['Always', 'Never'] as const)(
    'one that cannot start at once when it shall run again waits for that alone (%s)',
    async (restartPolicy) => {
      const h = await begin();
      const config = object(configMaps, 'default/c', { data: { K: 'v' } });
      await h.api.create(configMaps, config, { signal });
      const containers = [container('main', { envFrom: [{ configMapRef: { name: 'c' } }] })];
      await h.createPod('web', { containers, restartPolicy });
      await h.untilRunning('web');
      await h.annotate('web', { 'berth.dev/running': 'false' });
      await h.untilPod('web', (p) => p.status?.reason === 'Stopped');
      await h.api.delete(configMaps, { namespace: 'default', name: 'c' }, { signal });
      await h.annotate('web', { 'berth.dev/running': null });
      await h.untilPod('web', (p) => waitingReason(p) === 'CreateContainerConfigError');
      for (let seconds = 0; seconds < 30; seconds += 1) {
        await h.clock.advance(1_000);
        await h.settle();
        expect(waitingReason(h.pod('web') as Pod)).toBe('CreateContainerConfigError');
      }
      await h.api.create(configMaps, config, { signal });
      await h.clock.advance(60_000);
      expect(restartsOf(await h.untilRunning('web'))).toBe(1);
    },
  );

  test('a pod created stopped starts nothing', async () => {
    const h = await begin();
    await h.createPod('web', {}, { annotations: { 'berth.dev/running': 'false' } });
    await h.untilPod('web', (p) => p.status?.reason === 'Stopped');
    expect(h.engine.calls).toEqual([]);
  });

  test('deletion: stop with its grace, remove, then away from the API', async () => {
    const h = await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.deletePod('web', 11);
    await h.until(() => h.pod('web') === undefined);
    expect(h.engine.calls.slice(-2)).toEqual([`stop ${uid} 11000`, `remove ${uid} 0`]);
    await h.until(() => h.events('web').includes('Killing'));
  });

  test('a second deletion without grace cuts the first one short', async () => {
    const { aborted } = await import('../runtime/fake/process.ts');
    const h = await begin({
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

describe('pause', () => {
  const pause = (h: AgentHarness, paused: boolean) =>
    h.annotate('web', { 'berth.dev/paused': paused ? 'true' : null });
  const isPaused = (pod: Pod) => pod.status?.reason === 'Paused';

  test('a pod is halted, serves nobody, is not checked, and goes on', async () => {
    let asked = 0;
    const h = await begin({
      programs: {
        alive: async () => {
          asked += 1;
          return 0;
        },
      },
    });
    const livenessProbe = { exec: { command: ['alive'] }, periodSeconds: 1, failureThreshold: 1 };
    const containers = [container('main', { livenessProbe })];
    const uid = (await h.createPod('web', { containers })).metadata.uid ?? '';
    const before = await h.untilRunning('web');
    await pause(h, true);
    const paused = await h.untilPod('web', isPaused);
    expect(paused.status?.phase).toBe('Running');
    expect(readyOf(paused)).toBe('False');
    const checks = asked;
    await h.clock.advance(60_000);
    await h.settle();
    expect(asked).toBe(checks);
    await h.stop();
    h.start();
    await h.clock.advance(60_000);
    await h.settle();
    expect(isPaused(h.pod('web')!)).toBe(true);
    expect(asked).toBe(checks);
    expect(h.engine.calls.filter((call) => call.startsWith('pause'))).toEqual([`pause ${uid}`]);
    await pause(h, false);
    const after = await h.untilRunning('web');
    expect(after.status?.reason).toBeUndefined();
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
    await h.clock.advance(2_000);
    await h.until(() => asked > checks);
    await h.until(() => h.events('web').includes('Resumed'));
    expect(h.events('web')).toEqual(expect.arrayContaining(['Paused', 'Resumed']));
  });

  test('a pod that is created so starts, with its hook, and is halted then', async () => {
    const said: string[] = [];
    const h = await begin({ programs: { say: async () => said.push('hook') - said.length } });
    const postStart = { exec: { command: ['say'] } };
    const containers = [container('main', { lifecycle: { postStart } })];
    const annotations = { 'berth.dev/paused': 'true' };
    await h.createPod('web', { containers }, { annotations });
    const paused = await h.untilPod('web', isPaused);
    expect(said).toEqual(['hook']);
    expect(restartsOf(paused)).toBe(0);
  });

  test('a paused pod is stopped and deleted as any other, its hook included', async () => {
    const said: string[] = [];
    const h = await begin({ programs: { say: async () => said.push('hook') - said.length } });
    const preStop = { exec: { command: ['say'] } };
    await h.createPod('web', { containers: [container('main', { lifecycle: { preStop } })] });
    await h.untilRunning('web');
    await pause(h, true);
    await h.untilPod('web', isPaused);
    await h.annotate('web', { 'berth.dev/running': 'false' });
    await h.untilPod('web', (pod) => pod.status?.reason === 'Stopped');
    expect(said).toEqual(['hook']);
    await h.annotate('web', { 'berth.dev/running': null });
    await h.untilPod('web', isPaused);
    await h.deletePod('web');
    await h.until(() => h.pod('web') === undefined);
    expect(said).toEqual(['hook', 'hook']);
  });
});

describe('adoption', () => {
  test('an agent that starts again adopts what runs', async () => {
    const h = await begin();
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
    const h = await begin();
    const uid = (await h.createPod('web')).metadata.uid ?? '';
    await h.untilRunning('web');
    await h.stop();
    await h.engine.exit(uid, 'main', 1);
    h.start();
    await h.untilPod('web', (p) => restartsOf(p) === 1 && readyOf(p) === 'True');
  });

  test('instances that the API does not know are removed, but only once it has answered', async () => {
    const h = await begin();
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
    const h = await make();
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
