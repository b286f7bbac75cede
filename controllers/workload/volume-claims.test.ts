import { expect, test } from 'vitest';
import type { Pod, Volume } from '../../api/kinds.gen.ts';
import { volumes, workloads } from '../../api/resources.gen.ts';
import { object } from '../../test/harness/fake-api.ts';
import { name, setup } from '../../test/harness/workload-scene.ts';

const signal = new AbortController().signal;
const template = (size: string, more = {}) => ({
  metadata: { name: 'data', labels: { tier: 'db' } },
  spec: { size, ...more },
});
const stable = (size: string, more = {}) => ({
  identity: 'Stable',
  replicas: 2,
  volumeClaimTemplates: [template(size)],
  ...more,
});

async function scene(fields: Parameters<typeof setup>[0]) {
  const made = await setup(fields);
  const all = () =>
    [...made.api.all<Volume>(volumes)].sort((a, b) =>
      (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1,
    );
  const told = () => all().map(({ metadata, spec }) => `${metadata.name} ${spec.size}`);
  return { ...made, volumes: all, told };
}

const claims = (pod: Pod) =>
  (pod.spec.volumes ?? []).map((v) => [v.name, v.persistentVolumeClaim?.claimName]);

test('every instance claims Volumes of its own, which are there before it and belong to nobody', async () => {
  const { api, all, told, volumes: made } = await scene(stable('1Gi'));
  expect(told()).toEqual(['data-web-0 1Gi', 'data-web-1 1Gi']);
  expect(all().map(claims)).toEqual([[['data', 'data-web-0']], [['data', 'data-web-1']]]);
  expect(made()[0]?.metadata.labels).toMatchObject({ tier: 'db', 'berth.dev/workload': 'web' });
  expect(made()[0]?.metadata.ownerReferences).toBeUndefined();
  const order = api.calls
    .filter(({ verb, key }) => verb === 'create' && key.endsWith('web-1'))
    .map(({ resource }) => resource.kind);
  expect(order).toEqual(['Volume', 'Pod']);
});

test('fewer instances keep their Volumes, and find them again', async () => {
  const { set, all, volumes: made, settleAll } = await scene(stable('1Gi'));
  const uids = () => made().map(({ metadata }) => metadata.uid);
  const before = uids();
  await set({ replicas: 0 });
  await settleAll();
  expect(all()).toEqual([]);
  expect(uids()).toEqual(before);
  await set({ replicas: 2 });
  await settleAll();
  expect(all().map(name)).toEqual(['web-0', 'web-1']);
  expect(uids()).toEqual(before);
});

test('a larger template makes its Volumes grow, and no pod anew', async () => {
  const { api, bench, set, all, told, settleAll } = await scene(stable('1Gi'));
  await settleAll();
  const before = all().map(({ metadata }) => metadata.uid);
  await bench.patch(volumes, 'a/data-web-1', { spec: { size: '3Gi' } });
  await set({ volumeClaimTemplates: [template('2Gi', { requests: { readIOPS: 5 } })] });
  await settleAll();
  expect(told()).toEqual(['data-web-0 2Gi', 'data-web-1 3Gi']);
  expect(all().map(({ metadata }) => metadata.uid)).toEqual(before);
  expect(api.peek<Volume>(volumes, 'a/data-web-0')?.spec.requests).toBeUndefined();
});

test('one that is there is used as it is, one that is going is waited for', async () => {
  const { api, set, all, told, condition, bench } = await scene(stable('1Gi', { replicas: 0 }));
  const make = (key: string, finalizers: string[] = []) =>
    api.create(volumes, object(volumes, key, { spec: { size: '5Gi' } }, { finalizers }), {
      signal,
    });
  await make('a/data-web-0');
  await make('a/data-web-1', ['test/stay']);
  await api.delete(volumes, { namespace: 'a', name: 'data-web-1' }, { signal });
  await set({ replicas: 2 });
  expect(all().map(name)).toEqual(['web-0']);
  expect(condition('ReplicaFailure')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('volume "data-web-1" is being deleted'),
  });
  await bench.patch(volumes, 'a/data-web-1', { metadata: { finalizers: [] } });
  await bench.pass(20_000);
  expect(all().map(name)).toEqual(['web-0', 'web-1']);
  expect(told()).toEqual(['data-web-0 5Gi', 'data-web-1 1Gi']);
});

test('Volumes outlive the workload', async () => {
  const { api, told, settleAll } = await scene(stable('1Gi'));
  await api.delete(workloads, { namespace: 'a', name: 'web' }, { signal });
  await settleAll();
  expect(told()).toEqual(['data-web-0 1Gi', 'data-web-1 1Gi']);
});
