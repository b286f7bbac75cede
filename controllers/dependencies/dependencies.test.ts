import { afterEach, expect, test } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { configMaps, pods, workloads } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { workloadController } from '../workload/controller.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;

async function setup() {
  const bench = createBench();
  benches.push(bench);
  bench.run(workloadController(bench));
  await bench.start();
  const { api } = bench;
  const create = async (name: string, dependsOn: JsonObject[], fields: JsonObject = {}) => {
    const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c' }] } };
    const selector = { matchLabels: { app: name } };
    const spec = { replicas: 1, selector, template, dependsOn, ...fields };
    await api.create(workloads, object(workloads, `a/${name}`, { spec }), { signal });
    await bench.pass();
  };
  const workload = (name: string) => api.peek<Workload>(workloads, `a/${name}`);
  const condition = (name: string, type: string) =>
    workload(name)?.status?.conditions?.find((each) => each.type === type);
  const podsOf = (name: string) =>
    api.all<Pod>(pods).filter(({ metadata }) => metadata.labels?.['app'] === name);
  const ready = async (name: string) => {
    for (const { metadata } of podsOf(name)) {
      const key = `a/${metadata.name}`;
      const at = new Date(bench.clock.now()).toISOString();
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: at }];
      await bench.patch(pods, key, { spec: { nodeName: 'n1' } });
      await bench.patch(pods, key, { status: { phase: 'Running', conditions } }, 'status');
    }
    await bench.pass(100);
  };
  const remove = async (name: string) => {
    await api.delete(workloads, { namespace: 'a', name }, { signal });
    await bench.pass();
  };
  /** The agent's part in a graceful deletion. */
  const finish = async (name: string) => {
    for (const { metadata } of podsOf(name)) {
      const key = { namespace: 'a', name: metadata.name ?? '' };
      await api.delete(pods, key, { gracePeriodSeconds: 0, signal });
    }
    await bench.pass();
  };
  return { bench, api, create, workload, condition, podsOf, ready, remove, finish };
}

test('starts when what it needs is ready, and stays when that is lost', async () => {
  const { bench, api, create, condition, podsOf, ready, finish } = await setup();
  await create('web', [{ name: 'db' }, { kind: 'ConfigMap', name: 'settings' }]);
  expect(podsOf('web')).toEqual([]);
  expect(condition('web', 'DependenciesMet')).toMatchObject({
    status: 'False',
    message: 'Waiting: db does not exist; ConfigMap/settings does not exist.',
  });
  await create('db', []);
  expect(condition('web', 'DependenciesMet')?.message).toContain(
    'db is not ready (Available=False',
  );
  await api.create(configMaps, object(configMaps, 'a/settings'), { signal });
  await ready('db');
  expect(condition('web', 'DependenciesMet')).toMatchObject({ status: 'True' });
  expect(podsOf('web')).toHaveLength(1);
  await finish('db');
  await bench.pass(60_000);
  expect(podsOf('web')).toHaveLength(1);
});

test('waits for a job to complete', async () => {
  const { bench, create, condition, podsOf } = await setup();
  await create('web', [{ name: 'migrate', condition: 'Completed' }]);
  await create('migrate', [], { type: 'Job' });
  expect(condition('web', 'DependenciesMet')?.message).toContain('migrate has not completed');
  const [run] = podsOf('migrate');
  await bench.patch(pods, `a/${run?.metadata.name}`, { status: { phase: 'Succeeded' } }, 'status');
  await bench.pass();
  expect(podsOf('web')).toHaveLength(1);
});

test('a service never completes, and that is said', async () => {
  const { create, condition } = await setup();
  await create('db', []);
  await create('web', [{ name: 'db', condition: 'Completed' }]);
  expect(condition('web', 'DependenciesMet')?.message).toContain('never completes');
});

test('a circle is told to every member, with its path, and is left when it is opened', async () => {
  const { bench, create, condition, podsOf } = await setup();
  await create('a', [{ name: 'b' }]);
  await create('b', [{ name: 'c' }]);
  await create('c', [{ name: 'a' }]);
  await bench.pass(100);
  const messages = ['a', 'b', 'c'].map((name) => condition(name, 'Stalled')?.message);
  expect(messages).toEqual(
    ['a → b → c → a', 'b → c → a → b', 'c → a → b → c'].map((path) =>
      expect.stringContaining(path),
    ),
  );
  await bench.patch(workloads, 'a/c', { spec: { dependsOn: [] } });
  await bench.pass(100);
  expect(podsOf('c')).toHaveLength(1);
  expect(condition('a', 'Stalled')).toBeUndefined();
});

test('deleted together: those that need others go first, pods and all', async () => {
  const { bench, create, workload, podsOf, ready, remove, finish } = await setup();
  await create('db', []);
  await ready('db');
  await create('web', [{ name: 'db' }]);
  await ready('web');
  await remove('db');
  expect(podsOf('db')[0]?.metadata.deletionTimestamp).toBeUndefined();
  await remove('web');
  await bench.pass(60_000);
  expect(podsOf('web')[0]?.metadata.deletionTimestamp).toBeDefined();
  expect(podsOf('db')[0]?.metadata.deletionTimestamp).toBeUndefined();
  await finish('web');
  expect(workload('web')).toBeUndefined();
  await bench.pass(5_000);
  expect(podsOf('db')[0]?.metadata.deletionTimestamp).toBeDefined();
  await finish('db');
  expect(workload('db')).toBeUndefined();
});

test('one that stays holds nobody up for long', async () => {
  const { bench, create, workload, podsOf, ready, remove, finish } = await setup();
  await create('db', []);
  await ready('db');
  await create('web', [{ name: 'db' }]);
  await remove('db');
  await bench.pass(6_000);
  await finish('db');
  expect(workload('db')).toBeUndefined();
  expect(podsOf('web')).toHaveLength(1);
});

test('a circle can be deleted', async () => {
  const { bench, create, workload, remove } = await setup();
  await create('a', [{ name: 'b' }]);
  await create('b', [{ name: 'a' }]);
  await remove('a');
  await remove('b');
  await bench.pass(6_000);
  expect([workload('a'), workload('b')]).toEqual([undefined, undefined]);
});
