import { afterEach, expect, test } from 'vitest';
import type { Volume } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { nodes, pods, vms, volumes } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { volumeController } from './controller.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const protection = 'berth.dev/volume-protection';
const data = 'berth.dev/volume-data';

async function setup() {
  const bench = createBench();
  benches.push(bench);
  bench.run(volumeController(bench));
  await bench.start();
  await bench.api.create(nodes, object(nodes, 'n1', { spec: {} }), { signal });
  const volume = (name = 'data') => bench.api.peek<Volume>(volumes, `a/${name}`);
  return { bench, api: bench.api, volume };
}

async function create(bench: Bench, finalizers = [protection, data], name = 'data') {
  const spec = { size: '1Gi', nodeName: 'n1', allocation: { disk: 'local' } };
  await bench.api.create(volumes, object(volumes, `a/${name}`, { spec }, { finalizers }), {
    signal,
  });
}

async function pod(bench: Bench, name: string, nodeName?: string) {
  const claim = { name: 'v', persistentVolumeClaim: { claimName: 'data' } };
  const spec: JsonObject = { containers: [], volumes: [claim] };
  if (nodeName !== undefined) spec['nodeName'] = nodeName;
  const made = await bench.api.create(pods, object(pods, `a/${name}`, { spec }), { signal });
  return made.metadata.uid ?? '';
}

const held = (bench: Bench, name: string, uid: string, kind = 'Pod') =>
  bench.patch(volumes, 'a/data', { status: { holder: { kind, name, uid } } }, 'status');
const remove = (bench: Bench, name: string) =>
  bench.api.delete(pods, { namespace: 'a', name }, { signal, gracePeriodSeconds: 0 });

test('a holder is cleared when it is gone, has ended, or is another of the same name', async () => {
  const { bench, volume } = await setup();
  await create(bench);
  const uid = await pod(bench, 'p');
  await held(bench, 'p', uid);
  await bench.pass(100);
  expect(volume()?.status?.holder?.uid).toBe(uid);
  await bench.patch(pods, 'a/p', { status: { phase: 'Running' } }, 'status');
  await bench.pass(100);
  expect(volume()?.status?.holder?.uid).toBe(uid);
  await remove(bench, 'p');
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
  const again = await pod(bench, 'p');
  await held(bench, 'p', uid);
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
  await held(bench, 'p', again);
  await bench.patch(pods, 'a/p', { status: { phase: 'Succeeded' } }, 'status');
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
});

test('one that is not in the cache yet is asked for', async () => {
  const { bench, api, volume } = await setup();
  await create(bench);
  await held(bench, 'late', 'unknown');
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
  expect(api.calls.filter(({ verb, key }) => verb === 'get' && key === 'a/late')).toHaveLength(1);
});

test('whoever was bound to its node by other means gets it, one at a time, oldest first', async () => {
  const { bench, volume } = await setup();
  await create(bench);
  await pod(bench, 'elsewhere', 'n2');
  await pod(bench, 'unbound');
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
  await pod(bench, 'first', 'n1');
  await bench.pass(2_000);
  await pod(bench, 'second', 'n1');
  await bench.pass(100);
  expect(volume()?.status?.holder?.name).toBe('first');
  await remove(bench, 'first');
  await bench.pass(100);
  expect(volume()?.status?.holder?.name).toBe('second');
});

test('a machine holds its disks until it has them no more', async () => {
  const { bench, api, volume } = await setup();
  await create(bench);
  const disks = [{ name: 'd', volume: 'data' }];
  const spec = { nodeName: 'n1', resources: {}, disks };
  await api.create(vms, object(vms, 'a/m', { spec }), { signal });
  await bench.pass(100);
  expect(volume()?.status?.holder).toMatchObject({ kind: 'VM', name: 'm' });
  await bench.patch(vms, 'a/m', { spec: { disks: [] } });
  await bench.pass(100);
  expect(volume()?.status?.holder).toBeUndefined();
});

test('a deleted one stays as long as it is held; then its node has its turn', async () => {
  const { bench, api, volume } = await setup();
  await create(bench);
  const uid = await pod(bench, 'p', 'n1');
  await bench.pass(100);
  await api.delete(volumes, { namespace: 'a', name: 'data' }, { signal });
  await bench.pass(100);
  expect(volume()?.metadata.finalizers).toEqual([protection, data]);
  expect(volume()?.status?.holder?.uid).toBe(uid);
  await remove(bench, 'p');
  await bench.pass(100);
  expect(volume()?.metadata.finalizers).toEqual([data]);
});

test('one that was never placed goes at once, and one whose Node was deleted too', async () => {
  const { bench, api, volume } = await setup();
  await create(bench, [protection], 'new');
  await create(bench);
  await api.delete(volumes, { namespace: 'a', name: 'new' }, { signal });
  await api.delete(volumes, { namespace: 'a', name: 'data' }, { signal });
  await bench.pass(100);
  expect(volume('new')).toBeUndefined();
  expect(volume()?.metadata.finalizers).toEqual([data]);
  await api.delete(nodes, { name: 'n1' }, { signal });
  await bench.pass(100);
  expect(volume()).toBeUndefined();
});
