import { afterEach, expect, test } from 'vitest';
import type { VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { nodes, volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { volumeSnapshotController } from './snapshots.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const data = 'berth.dev/volume-data';
const place = { nodeName: 'n1', allocation: { disk: 'local' } };

/** A node with a disk of 10Gi, 1Gi of which a deleted volume has left. */
async function setup() {
  const bench = createBench({ kinds: [nodes, volumes, volumeSnapshots] });
  benches.push(bench);
  bench.run(volumeSnapshotController(bench));
  await bench.start();
  const retained = [{ uid: 'u', namespace: 'a', name: 'old', size: '1Gi' }];
  const disks = [{ name: 'local', class: 'local', path: '/v', capacity: '10Gi', retained }];
  const annotations = { 'berth.dev/disks': JSON.stringify(disks) };
  await bench.api.create(nodes, object(nodes, 'n1', { spec: {} }, { annotations }), { signal });
  const take = (name: string, spec: JsonObject = { volume: 'data' }) =>
    bench.api.create(volumeSnapshots, object(volumeSnapshots, `a/${name}`, { spec }), { signal });
  const volume = async (name: string, spec: JsonObject, status: JsonObject = {}) => {
    const made = await bench.api.create(volumes, object(volumes, `a/${name}`, { spec }), {
      signal,
    });
    await bench.patch(volumes, `a/${name}`, { status }, 'status');
    return made.metadata.uid ?? '';
  };
  const snapshot = (name: string) => bench.api.peek<VolumeSnapshot>(volumeSnapshots, `a/${name}`);
  return { bench, take, volume, snapshot };
}

test('it waits for its volume to be there, then lies where that lies', async () => {
  const { bench, take, volume, snapshot } = await setup();
  await take('one');
  await bench.pass(100);
  expect(snapshot('one')?.status).toMatchObject({
    phase: 'Pending',
    readyToUse: false,
    message: 'volume "data" not found',
    conditions: [{ type: 'Ready', status: 'False', reason: 'VolumeNotReady' }],
  });
  const uid = await volume('data', { size: '2Gi' });
  await bench.pass(100);
  expect(snapshot('one')?.status?.message).toContain('has no node yet');
  await bench.patch(volumes, 'a/data', { spec: place });
  await bench.pass(100);
  expect(snapshot('one')?.status?.message).toBe('volume "data" is not made yet');
  await bench.patch(volumes, 'a/data', { status: { path: '/v/x.img' } }, 'status');
  await bench.pass(100);
  expect(snapshot('one')?.spec).toEqual({
    volume: 'data',
    nodeName: 'n1',
    allocation: { disk: 'local', size: '2Gi', volumeUID: uid },
  });
  expect(snapshot('one')?.metadata.finalizers).toEqual([data]);
});

test('volumes, snapshots and what deleted ones left count; one without room waits for it', async () => {
  const { bench, take, volume, snapshot } = await setup();
  await volume('data', { size: '4Gi', ...place }, { path: '/v/x.img' });
  await take('one');
  await bench.pass(100);
  expect(snapshot('one')?.spec.nodeName).toBe('n1');
  await take('two');
  await bench.pass(100);
  expect(snapshot('two')?.status).toMatchObject({
    message: 'disk "local" of node n1 has 1Gi left, 4Gi are needed',
    conditions: [{ reason: 'DiskFull' }],
  });
  expect(snapshot('two')?.spec.nodeName).toBeUndefined();
  await bench.patch(volumeSnapshots, 'a/one', { metadata: { finalizers: [] } });
  await bench.api.delete(volumeSnapshots, { namespace: 'a', name: 'one' }, { signal });
  await bench.pass(31_000);
  expect(snapshot('two')?.spec.nodeName).toBe('n1');
});

test('a deleted one is its node to remove, unless that is gone for good', async () => {
  const { bench, take, volume, snapshot } = await setup();
  await volume('data', { size: '1Gi', ...place }, { path: '/v/x.img' });
  await take('one');
  await bench.pass(100);
  await bench.api.delete(volumeSnapshots, { namespace: 'a', name: 'one' }, { signal });
  await bench.pass(100);
  expect(snapshot('one')?.metadata.finalizers).toEqual([data]);
  await bench.api.delete(nodes, { name: 'n1' }, { signal });
  await bench.pass(100);
  expect(snapshot('one')).toBeUndefined();
});
