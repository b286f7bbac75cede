/** Rollouts with the real kubectl and `berth rollout`: history, undo, failures, configuration. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { kubectlBinary } from '../harness/kubectl.ts';
import { type Plane, startPlane } from '../harness/plane.ts';
import { configMapOf, nameOf, Scene, webScript, workloadOf } from './scene.ts';
import { until } from './until.ts';

const timeoutMs = 150_000;

describe.skipIf(kubectlBinary === undefined)('rollouts', { timeout: timeoutMs }, () => {
  let plane: Plane;
  let scene: Scene;
  beforeAll(async () => {
    plane = await startPlane('embedded');
    scene = await Scene.open(plane);
  }, timeoutMs);
  afterAll(() => plane?.remove(), timeoutMs);

  const rollout = (verb: string, ...words: readonly string[]) =>
    plane.berth(['rollout', verb, '-n', scene.namespace, 'workload/web', ...words]);
  const ok = async (verb: string, ...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await rollout(verb, ...words);
    if (code !== 0) throw new Error(`berth rollout ${verb} ended with ${code}: ${stderr}`);
    return stdout;
  };
  const inEach = async (command: string): Promise<readonly string[]> => {
    const pods = await scene.untilReadyPods(2, 'app=web');
    const outputs = pods.map((pod) => scene.exec(nameOf(pod), 'sh', '-c', command));
    return (await Promise.all(outputs)).map(({ stdout }) => stdout.trim());
  };
  /** The web server with a page of its own, from environment and configuration. */
  const web = (version: string, image?: string): Workload => {
    const { spec, ...rest } = workloadOf('web', { replicas: 2 }, webScript, {
      env: [{ name: 'VERSION', value: version }],
      volumeMounts: [{ name: 'pages', mountPath: '/pages' }],
      ...(image === undefined ? {} : { image, imagePullPolicy: 'Never' }),
    });
    const pages = { name: 'pages', configMap: { name: 'pages' } };
    const template = { ...spec.template, spec: { ...spec.template.spec, volumes: [pages] } };
    const update = { maxSurge: 1, maxUnavailable: 0 };
    const metadata = { name: 'web', annotations: { 'kubernetes.io/change-cause': version } };
    return { ...rest, metadata, spec: { ...spec, template, update, progressDeadlineSeconds: 5 } };
  };

  test('a change is followed, kept in the history, and undone', async () => {
    const { kubectl } = scene;
    await kubectl.apply(web('one'));
    await until('it waits for its ConfigMap', async () =>
      (await kubectl.ok('get wl web -o yaml')).includes('ConfigMap "pages" named by'),
    );
    expect(await scene.pods()).toEqual([]);
    await kubectl.apply(configMapOf('pages', { page: 'old' }));
    expect(await ok('status')).toMatch(/workload "web" successfully rolled out\n$/);
    await kubectl.apply(web('two'));
    await until('it has begun', async () => (await scene.pods()).length > 2);
    const progressing = '{.status.conditions[?(@.type=="Progressing")].reason}';
    const rolledOut = `--for=jsonpath=${progressing}=RolledOut`;
    await kubectl.ok(['wait', 'wl/web', rolledOut, '--timeout=120s']);
    await ok('status', '--timeout', '60s');
    expect(await inEach('echo $VERSION')).toEqual(['two', 'two']);
    expect(await ok('history')).toBe(
      'workload.berth.dev/web\nREVISION   CHANGE-CAUSE\n1          one\n2          two\n',
    );
    expect(await ok('history', '--revision', '1')).toContain('value: one');
    expect(await kubectl.ok('get controllerrevisions')).toMatch(/workload\.berth\.dev\/web +2 /);
    expect(await ok('undo')).toBe('workload.berth.dev/web rolled back\n');
    await ok('status');
    expect(await inEach('echo $VERSION')).toEqual(['one', 'one']);
    expect(await ok('history')).toMatch(/\n2 +two\n3 +one\n$/);
    expect(await ok('undo', '--to-revision', '3')).toContain('skipped rollback');
    const wrong = await rollout('undo', '--to-revision', '9');
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      'berth: unable to find specified revision 9 in history: there are 2, 3\n',
    ]);
  });

  test('a broken image stops, and the old instances serve all the time', async () => {
    const before = (await scene.untilReadyPods(2)).map(nameOf);
    const serving = serve(await scene.untilReadyPods(2));
    await scene.kubectl.apply(web('three', 'berth-test/absent:1'));
    const failed = await rollout('status');
    const { requests, refused } = await serving.stop();
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('exceeded its progress deadline');
    expect(failed.stderr).toMatch(/pod web-\S+: ErrImageNeverPull/);
    expect(requests).toBeGreaterThan(5);
    expect(refused).toEqual([]);
    const ready = (await scene.pods()).map(nameOf);
    expect(ready).toEqual(expect.arrayContaining(before));
    await ok('undo');
    await ok('status');
    // Nobody who was there had to go.
    expect((await scene.untilReadyPods(2)).map(nameOf).sort()).toEqual([...before].sort());
  });

  test('changed configuration rolls out, and undo brings it back', async () => {
    const { kubectl } = scene;
    expect(await inEach('cat /pages/page')).toEqual(['old', 'old']);
    await kubectl.apply(configMapOf('pages', { page: 'new' }));
    await until('the change has reached all', async () => {
      await ok('status');
      return (await inEach('cat /pages/page')).every((page) => page === 'new');
    });
    const { stdout, stderr } = await rollout('undo');
    expect(stdout).toBe('workload.berth.dev/web rolled back\n');
    expect(stderr).toMatch(/^Note: ConfigMap "pages" has changed since, .* "pages-\w+"/);
    await ok('status');
    expect(await inEach('cat /pages/page')).toEqual(['old', 'old']);
    expect(await ok('pause')).toBe('workload.berth.dev/web paused\n');
    expect((await rollout('restart')).stderr).toContain('berth rollout resume');
    expect(await ok('resume')).toBe('workload.berth.dev/web resumed\n');
    const before = (await scene.untilReadyPods(2)).map(nameOf);
    expect(await ok('restart')).toBe('workload.berth.dev/web restarted\n');
    await ok('status');
    const after = (await scene.untilReadyPods(2)).map(nameOf);
    expect(after.filter((name) => before.includes(name))).toEqual([]);
    await kubectl.ok('delete workload web --cascade=foreground');
    const left = await kubectl.ok('get controllerrevisions,configmaps -o name');
    expect(left.split('\n').filter((name) => /web|pages/.test(name))).toEqual(['configmap/pages']);
  });
});

/** Asks each of the pods again and again, and tells what was not answered. */
function serve(pods: readonly Pod[]) {
  const refused: string[] = [];
  let requests = 0;
  let going = true;
  const ask = async (pod: Pod) => {
    while (going) {
      requests += 1;
      const answer = fetch(`http://${pod.status?.podIP}/`).then((response) => response.text());
      await answer.catch((error) => refused.push(`${nameOf(pod)}: ${error}`));
    }
  };
  const asked = Promise.all(pods.map(ask));
  return {
    async stop() {
      going = false;
      await asked;
      return { requests, refused };
    },
  };
}
