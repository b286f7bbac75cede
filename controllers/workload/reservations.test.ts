import { expect, test } from 'vitest';
import type { IPReservation, Pod, Workload } from '../../api/kinds.gen.ts';
import { controllerRevisions, ipReservations, pods, workloads } from '../../api/resources.gen.ts';
import { object } from '../../test/harness/fake-api.ts';
import { name, setup } from '../../test/harness/workload-scene.ts';

const signal = new AbortController().signal;

const stable = (pool: string, more = {}) => ({
  identity: 'Stable',
  replicas: 2,
  addresses: { pool },
  ...more,
});
const annotation = (pod: Pod) => pod.metadata.annotations?.['berth.dev/ip-reservation'];

async function scene(fields: Parameters<typeof setup>[0]) {
  const made = await setup(fields);
  const { api } = made;
  const reservations = () =>
    [...api.all<IPReservation>(ipReservations)].sort((a, b) =>
      (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1,
    );
  const told = () => reservations().map(({ metadata, spec }) => `${metadata.name} ${spec.pool}`);
  return { ...made, reservations, told };
}

test('every instance names a reservation of its own name, which is there before it', async () => {
  const { api, all, told, reservations, workload } = await scene(stable('lan'));
  expect(told()).toEqual(['web-0 lan', 'web-1 lan']);
  expect(all().map(annotation)).toEqual(['web-0', 'web-1']);
  const made = api.calls.filter(({ verb, resource }) => {
    return (
      verb === 'create' && [pods.resource, ipReservations.resource].includes(resource.resource)
    );
  });
  const order = made.filter(({ key }) => key === 'a/web-1').map(({ resource }) => resource.kind);
  expect(order).toEqual(['IPReservation', 'Pod']);
  expect(reservations()[0]?.metadata.ownerReferences).toMatchObject([
    { uid: workload().metadata.uid, controller: true, blockOwnerDeletion: false },
  ]);
});

test('fewer instances keep the reservations, for when there are more again', async () => {
  const { set, all, told, settleAll } = await scene(stable('lan'));
  await set({ replicas: 1 });
  await settleAll();
  expect(all().map(name)).toEqual(['web-0']);
  expect(told()).toEqual(['web-0 lan', 'web-1 lan']);
});

test('another pool is rolled out like another template', async () => {
  const { set, all, told, settleAll, api } = await scene(stable('lan'));
  await settleAll();
  const before = all().map(({ metadata }) => metadata.uid);
  await set({ addresses: { pool: 'wan' } });
  await settleAll(60);
  expect(told()).toEqual(['web-0 wan', 'web-1 wan']);
  expect(all().map(({ metadata }) => metadata.uid)).not.toContain(before[0]);
  expect(all().map(annotation)).toEqual(['web-0', 'web-1']);
  const revisions = api.all(controllerRevisions);
  expect(revisions).toHaveLength(2);
});

test('without addresses any more, instances lose them and the reservations go', async () => {
  const { bench, all, told, settleAll, api } = await scene(stable('lan'));
  await settleAll();
  const holder = { kind: 'Pod', name: 'web-1', uid: 'u' };
  await bench.patch(ipReservations, 'a/web-1', { status: { holder } });
  await api.patch(
    workloads,
    { namespace: 'a', name: 'web' },
    { spec: { addresses: null } },
    { signal },
  );
  await settleAll(60);
  expect(all().map(annotation)).toEqual([undefined, undefined]);
  // Not while somebody has it.
  expect(told()).toEqual(['web-1 lan']);
  await bench.patch(ipReservations, 'a/web-1', { status: { holder: null } });
  await bench.pass();
  expect(told()).toEqual([]);
});

test('a reservation that somebody made is used, and one of another pool is in the way', async () => {
  const { api, set, all, told, condition, bench } = await scene(stable('lan', { replicas: 0 }));
  const make = (key: string, pool: string) =>
    api.create(ipReservations, object(ipReservations, key, { spec: { pool } }), { signal });
  await make('a/web-0', 'lan');
  await make('a/web-1', 'other');
  await set({ replicas: 2 });
  expect(all().map(name)).toEqual(['web-0']);
  expect(condition('ReplicaFailure')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('"web-1" is of pool "other", and not of "lan"'),
  });
  await api.delete(ipReservations, { namespace: 'a', name: 'web-1' }, { signal });
  await bench.pass(20_000);
  expect(all().map(name)).toEqual(['web-0', 'web-1']);
  expect(told()).toEqual(['web-0 lan', 'web-1 lan']);
  expect(api.peek<Workload>(workloads, 'a/web')?.status?.replicas).toBe(2);
});
