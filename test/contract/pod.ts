/** What an agent makes of a runtime, whichever it is: probes, hooks, restarts. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../e2e/until.ts';
import { type PodHarness, PodScene } from './pod/scene.ts';

export type { PodHarness } from './pod/scene.ts';

export function podContract(name: string, harness: PodHarness): void {
  describe(`an agent with ${name}`, { timeout: 2 * harness.bootMs }, () => {
    let scene: PodScene;
    beforeAll(() => harness.prepare(), harness.bootMs);
    beforeEach(async () => {
      scene = await PodScene.start(harness);
    });
    afterEach(() => scene.end(), harness.bootMs);

    describe('probes', () => probeTests(() => scene));
    // A machine has no hooks, and ends by itself only.
    if (harness.vm !== undefined) return;
    describe('hooks', () => hookTests(() => scene));
    describe('restarts', () => restartTests(() => scene));
  });
}

/** Leaves a trace of being asked to end, and ends; `ready` is in its log when it can be asked. */
const polite = (trace: string) =>
  `trap 'echo term >>${trace}/trace; exit 3' TERM; echo ready; while :; do sleep 60 & wait $!; done`;

function probeTests(of: () => PodScene): void {
  test('ready when a command says so, also after the agent was away; started again when it is ill', async () => {
    const scene = of();
    const { command } = scene.harness;
    const [well, ill] = ['/tmp/berth-ready', '/tmp/berth-ill'].map(
      (at) => `${at}-${scene.nodeName}`,
    );
    await scene.create(polite(scene.trace), {
      readinessProbe: { exec: { command: command(`test -e ${well}`) }, periodSeconds: 1 },
      livenessProbe: {
        ...{ exec: { command: command(`test ! -e ${ill}`) }, periodSeconds: 1 },
        // A machine boots for a while.
        failureThreshold: 2,
        initialDelaySeconds: scene.harness.vm === undefined ? 0 : 3,
      },
    });
    await scene.untilMain('it runs', ({ state }) => state?.running !== undefined);
    await until('it is told', () => scene.told('Unhealthy').length > 0);
    expect(scene.told('Unhealthy').join()).toMatch(/Readiness probe (failed|errored)/);
    expect(scene.isReady()).toBe(false);
    const touch = (file: string) =>
      until(
        'it can be asked',
        async () => (await scene.inside(`touch ${file}; echo done`)) === 'done\n',
        scene.harness.bootMs,
      );
    await touch(well ?? '');
    await scene.untilMain('it is ready', () => scene.isReady());
    const restarts = scene.main()?.restartCount ?? 0;
    await scene.stopAgent();
    scene.startAgent();
    await touch(ill ?? '');
    const isAgain = () => (scene.main()?.restartCount ?? 0) > restarts;
    const again = await scene.untilMain('it was started again', isAgain);
    expect(again.lastState?.terminated).toBeDefined();
    expect(scene.told('Killing').join()).toMatch(/failed liveness probe, will be restarted/);
  });
}

function hookTests(of: () => PodScene): void {
  test('postStart before it is ready, preStop before it is asked to end', async () => {
    const scene = of();
    const { command } = scene.harness;
    const hook = (word: string) => ({
      exec: { command: command(`sleep 0.5; echo ${word} >>${scene.trace}/trace`) },
    });
    const lifecycle = { postStart: hook('start'), preStop: hook('pre') };
    await scene.create(polite(scene.trace), { lifecycle });
    await scene.untilMain('it is ready', ({ ready }) => ready);
    expect(await scene.traced()).toEqual(['start']);
    await scene.delete(20);
    expect(await scene.traced()).toEqual(['start', 'pre', 'term']);
  });

  test('a postStart that fails ends it', async () => {
    const scene = of();
    const postStart = { exec: { command: scene.harness.command('exit 1') } };
    await scene.create(polite(scene.trace), { lifecycle: { postStart } });
    const isWaiting = 'it waits for its next start';
    await scene.untilMain(isWaiting, ({ state }) => state?.waiting?.reason === 'CrashLoopBackOff');
    expect(scene.main()?.ready).toBe(false);
    expect(scene.told('FailedPostStartHook')).toEqual(['PostStartHook failed']);
    await scene.delete(0);
  });

  test('a liveness probe that fails, its preStop, and then SIGTERM', async () => {
    const scene = of();
    const { command } = scene.harness;
    const ill = `${scene.trace}/ill`;
    const preStop = { exec: { command: command(`echo pre >>${scene.trace}/trace; rm ${ill}`) } };
    await scene.create(polite(scene.trace), {
      livenessProbe: { exec: { command: command(`test ! -e ${ill}`) }, periodSeconds: 1 },
      lifecycle: { preStop },
    });
    await scene.untilMain('it is ready', ({ ready }) => ready);
    await until('it listens', async () => (await scene.log(false)).includes('ready'));
    await scene.inside(`touch ${ill}`);
    const isAgain = ({ restartCount, ready }: { restartCount: number; ready: boolean }) =>
      restartCount === 1 && ready;
    const again = await scene.untilMain('it was started again', isAgain);
    expect(again.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await scene.traced()).toEqual(['pre', 'term']);
  });
}

function restartTests(of: () => PodScene): void {
  test.each([
    ['Never', 'exit 3', 'Failed'],
    ['OnFailure', 'exit 0', 'Succeeded'],
  ] as const)('%s: what ends with %s has %s', async (restartPolicy, script, phase) => {
    const scene = of();
    await scene.create(script, {}, { restartPolicy });
    await until(`it has ${phase}`, () => scene.pod()?.status?.phase === phase);
    expect(scene.main()).toMatchObject({
      ...{ restartCount: 0, ready: false },
      state: { terminated: { exitCode: phase === 'Failed' ? 3 : 0 } },
    });
  });

  test('Always and OnFailure: what fails is started again, and its last log can be read', async () => {
    const scene = of();
    const script = `echo attempt; if [ -e ${scene.trace}/again ]; then exit 0; fi; touch ${scene.trace}/again; exit 4`;
    await scene.create(script, {}, { restartPolicy: 'OnFailure' });
    await until('it has succeeded', () => scene.pod()?.status?.phase === 'Succeeded');
    expect(scene.main()).toMatchObject({
      ...{ restartCount: 1, state: { terminated: { exitCode: 0 } } },
      lastState: { terminated: { exitCode: 4, reason: 'Error' } },
    });
    expect(await scene.log(true)).toBe('attempt\n');
  });
}
