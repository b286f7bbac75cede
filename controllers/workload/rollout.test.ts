import { expect, test } from 'vitest';
import type { ConfigMap, ControllerRevision, Pod, Secret } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import {
  configMaps,
  controllerRevisions,
  pods,
  secrets,
  workloads,
} from '../../api/resources.gen.ts';
import { object } from '../../test/harness/fake-api.ts';
import { image, isLive, isReady, name, setup } from '../../test/harness/workload-scene.ts';

const signal = new AbortController().signal;

async function scene(fields: JsonObject = {}) {
  const world = await setup(fields);
  const { api, bench } = world;
  const revisions = () =>
    [...api.all<ControllerRevision>(controllerRevisions)].sort(
      (a, b) => Number(a.revision) - Number(b.revision),
    );
  const numbers = () => revisions().map(({ revision }) => Number(revision));
  const roll = async (image: string) => {
    await world.setImage(image);
    await world.settleAll(20);
  };
  /** Bound, and told by its agent not to start. */
  const trouble = async (pod: Pod, reason: string) => {
    const key = `a/${name(pod)}`;
    await bench.patch(pods, key, { spec: { nodeName: 'n1' } });
    const state = { waiting: { reason, message: 'no luck' } };
    const containerStatuses = [{ name: 'web', restartCount: 0, state }];
    await bench.patch(pods, key, { status: { phase: 'Pending', containerStatuses } }, 'status');
  };
  return { ...world, revisions, numbers, roll, trouble };
}

test('each template that is rolled out is kept, and one that returns gets a higher number', async () => {
  const { workload, revisions, numbers, roll, settleAll } = await scene();
  await settleAll(2);
  const [first] = revisions();
  expect(first?.metadata.name).toMatch(/^web-[a-z0-9]{8}$/);
  expect(first?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Workload', name: 'web' });
  expect(workload().status).toMatchObject({
    currentRevision: first?.metadata.name,
    updateRevision: first?.metadata.name,
  });
  await roll('nginx:2');
  expect(numbers()).toEqual([1, 2]);
  await roll('nginx:1');
  expect(numbers()).toEqual([2, 3]);
  expect(revisions()[1]?.metadata.uid).toBe(first?.metadata.uid);
  expect(workload().status?.currentRevision).toBe(first?.metadata.name);
});

test('the history has its limit, and what is in use stays', async () => {
  const { numbers, roll, settleAll, setImage, set } = await scene({ revisionHistoryLimit: 2 });
  await settleAll(2);
  for (let i = 2; i <= 6; i += 1) await roll(`nginx:${i}`);
  expect(numbers()).toEqual([4, 5, 6]);
  await set({ revisionHistoryLimit: 0 });
  await setImage('bad');
  // The pods that serve are of revision 6, the one on trial of 7.
  expect(numbers()).toEqual([6, 7]);
});

test('the cause of a change is kept with its revision', async () => {
  const { bench, revisions } = await scene();
  const annotations = { 'kubernetes.io/change-cause': 'a better page' };
  await bench.patch(workloads, 'a/web', { metadata: { annotations } });
  await bench.pass();
  expect(revisions()[0]?.metadata.annotations).toMatchObject(annotations);
});

test('a name that another object has makes another hash', async () => {
  const { bench, api, workload, revisions, setImage, all } = await scene();
  const taken = new Set<string>();
  api.before = async ({ verb, resource, key }) => {
    if (verb !== 'create' || resource !== controllerRevisions || taken.size > 0) return;
    taken.add(key);
    await api.create(controllerRevisions, object(controllerRevisions, key, { revision: 1 }), {
      signal,
    });
  };
  await setImage('nginx:2');
  await bench.pass(1_000);
  expect(workload().status?.collisionCount).toBe(1);
  const { updateRevision = '' } = workload().status ?? {};
  expect(taken.has(`a/${updateRevision}`)).toBe(false);
  const revision = revisions().find(({ metadata }) => metadata.name === updateRevision);
  const hash = revision?.metadata.labels?.['berth.dev/template-hash'];
  expect(
    all().filter(({ metadata }) => metadata.labels?.['berth.dev/template-hash'] === hash),
  ).toHaveLength(1);
});

test('paused: nothing is begun, and what is lost is made as it was', async () => {
  const { all, set, setImage, finish, bench, settleAll, condition, numbers } = await scene();
  await settleAll(2);
  await set({ paused: true });
  await setImage('nginx:2');
  await finish(all()[0]!);
  await set({ replicas: 5 });
  await bench.pass(1_000_000);
  expect(all().map(image)).toEqual(Array(5).fill('nginx:1'));
  expect(numbers()).toEqual([1]);
  await set({ paused: false });
  expect(condition('Progressing')).toMatchObject({ status: 'True', reason: 'RollingOut' });
  await settleAll();
  expect(all().map(image)).toEqual(Array(5).fill('nginx:2'));
});

test('a rollout that stands still says which pods are in its way', async () => {
  const world = await scene({ progressDeadlineSeconds: 60 });
  const { all, setImage, settleAll, bench, condition, trouble, report } = world;
  await settleAll(2);
  await setImage('bad');
  const [late] = all().filter((pod) => image(pod) === 'bad');
  await trouble(late!, 'ImagePullBackOff');
  await bench.pass(59_000);
  expect(condition('Progressing')).toMatchObject({ status: 'True', reason: 'RollingOut' });
  await bench.pass(2_000);
  expect(condition('Progressing')).toMatchObject({
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
  });
  const { message } = condition('Progressing')!;
  expect(message).toContain('has made no progress since 2');
  expect(message).toContain(`pod ${name(late!)}: ImagePullBackOff: no luck`);
  // Not undone, and not given up: it goes on when the pod becomes ready after all.
  await report(late!, true);
  await settleAll();
  expect(condition('Progressing')).toMatchObject({ status: 'True', reason: 'RolledOut' });
});

test('an instance that crashes again and again is no progress and costs no old one', async () => {
  const world = await scene({ progressDeadlineSeconds: 120, minReadySeconds: 5 });
  const { all, setImage, settleAll, bench, condition, report } = world;
  await settleAll(3);
  await bench.pass(6_000);
  await setImage('bad');
  for (let i = 1; i < 20; i += 1) {
    const [looping] = all().filter((pod) => image(pod) === 'bad');
    const containerStatuses = [{ name: 'web', restartCount: i }];
    await bench.patch(pods, `a/${name(looping!)}`, { status: { containerStatuses } }, 'status');
    await report(looping!, true);
    await bench.pass(9_000);
    await report(looping!, false);
    await bench.pass(1_000);
    expect(all().filter((pod) => image(pod) === 'nginx:1' && isReady(pod))).toHaveLength(3);
  }
  expect(condition('Progressing')).toMatchObject({ reason: 'ProgressDeadlineExceeded' });
});

test('onFailure Undo brings the last good revision back and tries only what is new', async () => {
  const update = { onFailure: 'Undo', maxUnavailable: 1 };
  const world = await scene({ progressDeadlineSeconds: 30, update });
  const { all, setImage, settleAll, bench, condition, workload, finish, report } = world;
  await settleAll(2);
  const good = workload().status?.currentRevision;
  await setImage('bad');
  for (let i = 0; i < 45; i += 1) {
    for (const pod of all()) {
      if (!isLive(pod)) await finish(pod);
      else if (image(pod) !== 'bad' && !isReady(pod)) await report(pod, true);
    }
    await bench.pass(1_000);
  }
  expect(all().map(image)).toEqual(['nginx:1', 'nginx:1', 'nginx:1']);
  expect(workload().status).toMatchObject({ currentRevision: good, updateRevision: good });
  expect(condition('Progressing')).toMatchObject({
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
  });
  expect(condition('Progressing')?.message).toContain('revision 2');
  expect(condition('Available')).toMatchObject({ status: 'True' });
  await setImage('nginx:3');
  await settleAll();
  expect(all().map(image)).toEqual(['nginx:3', 'nginx:3', 'nginx:3']);
  expect(condition('Progressing')).toMatchObject({ reason: 'RolledOut' });
});

test('from no instances to some with another template makes none of the old one', async () => {
  const { all, set, settleAll, workload, finish } = await scene();
  await settleAll(2);
  await set({ replicas: 0 });
  for (const pod of all()) await finish(pod);
  await settleAll(2);
  const spec = { containers: [{ name: 'web', image: 'nginx:2' }] };
  await set({ replicas: 3, template: { spec } });
  expect(all().map(image)).toEqual(['nginx:2', 'nginx:2', 'nginx:2']);
  expect(workload().status?.currentRevision).toBeUndefined();
  await settleAll();
  expect(all().map(image)).toEqual(['nginx:2', 'nginx:2', 'nginx:2']);
  expect(workload().status?.currentRevision).toBe(workload().status?.updateRevision);
});

/** A template that names a ConfigMap as a volume and a Secret in its environment. */
const configured = (optional = false): JsonObject => ({
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [
      { name: 'web', image: 'nginx:1', envFrom: [{ secretRef: { name: 'key', optional } }] },
    ],
    volumes: [{ name: 'pages', configMap: { name: 'pages' } }],
  },
});

async function withConfig(fields: JsonObject = {}) {
  const world = await scene({ replicas: 2, template: configured(), ...fields });
  const { api, bench, all } = world;
  const put = async (page: string) => {
    const made = object(configMaps, 'a/pages', { data: { page } });
    if (api.peek(configMaps, 'a/pages') === undefined)
      await api.create(configMaps, made, { signal });
    else await bench.patch(configMaps, 'a/pages', { data: { page } });
    await bench.pass();
  };
  const copies = () =>
    [...api.all<ConfigMap>(configMaps), ...api.all<Secret>(secrets)].filter(
      ({ metadata }) => metadata.annotations?.['berth.dev/copy-of'] !== undefined,
    );
  /** The page that each pod would show. */
  const shown = () =>
    all().map((pod) => {
      const named = pod.spec.volumes?.[0]?.configMap?.name;
      return api.peek<ConfigMap>(configMaps, `a/${named}`)?.data?.['page'];
    });
  return { ...world, put, copies, shown };
}

test('a missing ConfigMap or Secret is waited for, and nothing is rolled by half', async () => {
  const { bench, api, all, condition, put, settleAll, copies } = await withConfig();
  expect(condition('Progressing')).toMatchObject({ status: 'False', reason: 'ConfigMissing' });
  expect(condition('Progressing')?.message).toContain('Secret "key", ConfigMap "pages"');
  await put('one');
  expect(all()).toEqual([]);
  expect(condition('Progressing')?.message).not.toContain('pages');
  const key = object(secrets, 'a/key', { type: 'example.com/x', data: { k: 'dg==' } });
  await api.create(secrets, key, { signal });
  await bench.pass();
  await settleAll(2);
  expect(all()).toHaveLength(2);
  const secret = copies().find(({ kind }) => kind === 'Secret');
  expect(secret).toMatchObject({ type: 'example.com/x', data: { k: 'dg==' }, immutable: true });
  expect(all()[0]?.spec.containers[0]?.envFrom?.[0]?.secretRef?.name).toBe(secret?.metadata.name);
  // Gone again: what runs goes on, and what is lost is made of the copies.
  await api.delete(secrets, { namespace: 'a', name: 'key' }, { signal });
  await bench.pass();
  await api.delete(pods, { namespace: 'a', name: name(all()[0]!) }, { signal });
  await bench.pass();
  expect(all().filter(isLive)).toHaveLength(2);
  expect(condition('Progressing')).toMatchObject({ reason: 'ConfigMissing' });
});

test('a changed ConfigMap rolls out, and the old content stays for the old pods', async () => {
  const template = configured(true);
  const { put, shown, settleAll, condition, numbers, copies } = await withConfig({ template });
  await put('one');
  await settleAll(2);
  expect(shown()).toEqual(['one', 'one']);
  await put('two');
  expect(condition('Progressing')).toMatchObject({ reason: 'RollingOut' });
  expect(new Set(shown())).toEqual(new Set(['one', 'two']));
  await settleAll();
  expect(shown()).toEqual(['two', 'two']);
  expect(numbers()).toEqual([1, 2]);
  // The same content again is the old revision, and the old copy.
  await put('one');
  await settleAll();
  expect(shown()).toEqual(['one', 'one']);
  expect(numbers()).toEqual([2, 3]);
  expect(copies()).toHaveLength(2);
});

test('a template that names a copy stays with it, and unused copies go', async () => {
  const template = configured(true);
  const world = await withConfig({ template, revisionHistoryLimit: 1 });
  const { put, set, shown, settleAll, copies, numbers, all } = world;
  await put('one');
  await settleAll(2);
  const [copy] = copies();
  await put('two');
  await settleAll();
  const volumes = [{ name: 'pages', configMap: { name: copy?.metadata.name ?? '' } }];
  await set({ template: { spec: { volumes } } });
  await settleAll();
  expect(shown()).toEqual(['one', 'one']);
  expect(numbers()).toEqual([2, 3]);
  const before = all().map(name);
  await put('three');
  await settleAll();
  expect(all().map(name)).toEqual(before);
  await set({ template });
  await settleAll();
  await put('four');
  await settleAll();
  expect(shown()).toEqual(['four', 'four']);
  expect(copies().map(({ kind }) => kind)).toEqual(['ConfigMap', 'ConfigMap']);
});

test('config Live leaves the names as they are', async () => {
  const update = { config: 'Live' };
  const { put, all, settleAll, copies } = await withConfig({ update, template: configured(true) });
  await settleAll(2);
  const before = all().map(name);
  expect(all()[0]?.spec.volumes?.[0]?.configMap?.name).toBe('pages');
  await put('one');
  await put('two');
  await settleAll();
  expect(all().map(name)).toEqual(before);
  expect(copies()).toEqual([]);
});
