import { expect, test } from 'vitest';
import type { VMSnapshot } from '../../api/kinds.gen.ts';
import { vmSnapshots, vms } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { vmSnapshotController } from './controller.ts';

const key = 'a/one';
const spec = { spec: { vm: 'db' } };

/** A plane whose node answers what `answer` says. */
async function scene(answer: (asked: string) => object) {
  const bench = createBench({ kinds: [vms, vmSnapshots] });
  const asked: string[] = [];
  bench.api.post = async <T>(path: string): Promise<T> => {
    asked.push(path);
    return answer(path) as T;
  };
  bench.run(vmSnapshotController(bench.deps));
  await bench.start();
  const { signal } = bench;
  const machine = (uid: string) =>
    object(vms, 'a/db', { metadata: { uid }, spec: { nodeName: 'n' } });
  return {
    ...bench,
    asked,
    addMachine: async () =>
      (await bench.api.create(vms, machine(''), { signal })).metadata.uid ?? '',
    add: () => bench.api.create(vmSnapshots, object(vmSnapshots, key, spec), { signal }),
    snapshot: () => bench.api.all<VMSnapshot>(vmSnapshots)[0],
  };
}

const taken = () => ({ snapshot: { createdAtMs: 5_000, memory: true, frozen: true } });

test('its node takes it once, by its uid; it belongs to the machine', async () => {
  const { add, addMachine, asked, snapshot, pass, stop } = await scene(taken);
  await add();
  await pass();
  expect(snapshot()?.status).toMatchObject({ phase: 'Pending', message: 'vm "db" not found' });
  const uid = await addMachine();
  await pass();
  expect(snapshot()?.status).toMatchObject({
    phase: 'Ready',
    readyToUse: true,
    memory: true,
    frozen: true,
    vmUID: uid,
    creationTime: '1970-01-01T00:00:05Z',
  });
  expect(snapshot()?.status?.message).toBeUndefined();
  expect(snapshot()?.metadata.ownerReferences).toMatchObject([{ kind: 'VM', uid }]);
  const own = snapshot()?.metadata.uid;
  expect(asked).toEqual([`/apis/berth.dev/v1/namespaces/a/vms/db/snapshot?snapshot=${own}`]);
  await stop();
});

test('what the node refuses is told, and asked again', async () => {
  let refuse = true;
  const { add, addMachine, snapshot, pass, stop } = await scene(() => {
    if (refuse) throw new StatusError(409, 'Conflict', 'it is about to end');
    return taken();
  });
  await addMachine();
  await add();
  await pass();
  expect(snapshot()?.status).toMatchObject({ phase: 'Pending', message: 'it is about to end' });
  refuse = false;
  await pass(10_000);
  expect(snapshot()?.status?.phase).toBe('Ready');
  await stop();
});

test('it is removed before the object goes, unless its machine is gone', async () => {
  const { api, add, addMachine, asked, snapshot, pass, stop, signal } = await scene(taken);
  await addMachine();
  await add();
  await pass();
  await api.delete(vmSnapshots, { namespace: 'a', name: 'one' }, { signal });
  await pass();
  expect(snapshot()).toBeUndefined();
  expect(asked.at(-1)).toContain('/vms/db/unsnapshot?snapshot=');
  await add();
  await pass();
  await api.delete(vms, { namespace: 'a', name: 'db' }, { gracePeriodSeconds: 0, signal });
  await pass();
  expect(snapshot()?.status).toMatchObject({ phase: 'Failed', readyToUse: false });
  const before = asked.length;
  await api.delete(vmSnapshots, { namespace: 'a', name: 'one' }, { signal });
  await pass();
  expect(snapshot()).toBeUndefined();
  expect(asked.length).toBe(before);
  await stop();
});
