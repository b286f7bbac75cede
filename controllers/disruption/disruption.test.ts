import { afterEach, expect, test } from 'vitest';
import type { Event, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { events, podDisruptionBudgets, pods, workloads } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { disruptionController } from './controller.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const labels = { app: 'web' };

async function setup(spec: JsonObject) {
  const bench = createBench();
  benches.push(bench);
  bench.run(disruptionController(bench));
  await bench.start();
  const { api } = bench;
  const workload = await api.create(
    workloads,
    object(workloads, 'a/web', { spec: { replicas: 3, template: { spec: {} } } }),
    { signal },
  );
  const { uid = '' } = workload.metadata;
  const owner = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'web', uid };
  for (const name of ['p0', 'p1', 'p2']) {
    const metadata = { labels, ownerReferences: [{ ...owner, controller: true }] };
    const pod = object(pods, `a/${name}`, { spec: { nodeName: 'n1' } }, metadata);
    await api.create(pods, pod, { signal });
    await ready(bench, name, true);
  }
  const selector = { matchLabels: labels };
  const budget = object(podDisruptionBudgets, 'a/web', { spec: { selector, ...spec } });
  await api.create(podDisruptionBudgets, budget, { signal });
  await bench.pass(100);
  const status = () => api.peek<PodDisruptionBudget>(podDisruptionBudgets, 'a/web')?.status;
  return { bench, api, status };
}

function ready(bench: Bench, name: string, is: boolean) {
  const conditions = [{ type: 'Ready', status: is ? 'True' : 'False' }];
  return bench.patch(pods, `a/${name}`, { status: { phase: 'Running', conditions } }, 'status');
}

test('the status follows pods and replicas', async () => {
  const { bench, status } = await setup({ maxUnavailable: 1 });
  const counts = { expectedPods: 3, currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 };
  expect(status()).toMatchObject({ ...counts, observedGeneration: 1 });
  expect(status()?.conditions).toMatchObject([
    { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' },
  ]);
  await ready(bench, 'p1', false);
  await bench.pass(100);
  expect(status()).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 });
  expect(status()?.conditions).toMatchObject([{ status: 'False', reason: 'InsufficientPods' }]);
  await bench.patch(workloads, 'a/web', { spec: { replicas: 2 } });
  await bench.pass(100);
  expect(status()).toMatchObject({ expectedPods: 2, desiredHealthy: 1, disruptionsAllowed: 1 });
});

test('an eviction granted while a pass is under way is not overwritten', async () => {
  const { bench, api, status } = await setup({ minAvailable: 2 });
  let granted = false;
  api.before = async ({ verb, resource, subresource }) => {
    if (verb !== 'patch' || resource.kind !== 'PodDisruptionBudget' || granted) return;
    if (subresource !== 'status') return;
    granted = true;
    // What the eviction subresource writes, after the pass has looked and before it writes.
    const disruptedPods = { p2: new Date(bench.clock.now()).toISOString() };
    const grant = { status: { disruptionsAllowed: 0, disruptedPods } };
    await bench.patch(podDisruptionBudgets, 'a/web', grant, 'status');
  };
  await bench.patch(podDisruptionBudgets, 'a/web', { spec: { minAvailable: 1 } });
  await bench.pass(1_000);
  expect(granted).toBe(true);
  // Of three, one may go besides the one that goes.
  expect(status()).toMatchObject({ currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1 });
  expect(status()?.disruptedPods).toHaveProperty('p2');
  await api.delete(pods, { namespace: 'a', name: 'p2' }, { signal });
  await bench.pass(100);
  expect(status()).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 1 });
  expect(status()?.disruptedPods).toEqual({});
});

test('an eviction that never happens is forgotten after two minutes, with a complaint', async () => {
  const { bench, api, status } = await setup({ minAvailable: 2 });
  const disruptedPods = { p2: new Date(bench.clock.now()).toISOString() };
  const grant = { status: { disruptionsAllowed: 0, disruptedPods } };
  await bench.patch(podDisruptionBudgets, 'a/web', grant, 'status');
  await bench.pass(60_000);
  expect(status()).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 });
  await bench.pass(61_000);
  expect(status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 });
  expect(api.all<Event>(events).map(({ reason }) => reason)).toContain('NotDeleted');
});

test('what cannot be worked out allows nothing', async () => {
  const { bench, status } = await setup({ maxUnavailable: 1 });
  await bench.patch(podDisruptionBudgets, 'a/web', { spec: { maxUnavailable: 'many' } });
  await bench.pass(100);
  expect(status()?.disruptionsAllowed).toBe(0);
  expect(status()?.conditions).toMatchObject([{ status: 'False', reason: 'SyncFailed' }]);
});
