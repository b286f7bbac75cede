/** The next version finds what the one before left, and leaves what runs alone. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workloads } from '../../api/resources.gen.ts';
import { formatKey, openStore } from '../../store/index.ts';
import { type Plane, startPlane } from '../harness/plane.ts';
import { never } from '../harness/store.ts';
import { restScript, Scene, workloadOf } from './scene.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await startPlane('embedded');
});
afterAll(() => plane.remove());

/** The store as another version left it; `undefined` = from before there was a mark. */
async function leaveFormat(format: number | undefined): Promise<void> {
  const store = await openStore(`embedded:${join(plane.dataDir, 'store')}`);
  const value = Buffer.from(JSON.stringify({ format }));
  const then = [
    format === undefined
      ? ({ type: 'delete', key: formatKey } as const)
      : ({ type: 'put', key: formatKey, value } as const),
  ];
  await store.txn({ compare: [], then, otherwise: [] }, never);
  await store.close();
}

test('an upgrade touches no workload, and a newer store is not read', async () => {
  const scene = await Scene.open(plane);
  await scene.create(workloads, workloadOf('echo', { replicas: 2 }, restScript));
  await scene.untilReadyPods(2);
  const pids = await scene.pids();

  await plane.down();
  await leaveFormat(undefined);
  await plane.up();
  await scene.untilReadyPods(2);
  // The new agent has looked at everything once it has carried out something new.
  await scene.patch(workloads, 'echo', { spec: { replicas: 3 } });
  await scene.untilReadyPods(3);
  const now = await scene.pids();
  for (const [id, pid] of pids) expect(now.get(id)).toBe(pid);

  await plane.down();
  await leaveFormat(99);
  await expect(plane.up()).rejects.toThrow(/written by a newer Berth \(its format is 99/);
  expect(await scene.pids()).toEqual(now);
  await leaveFormat(1);
  await plane.up();
  await scene.delete(workloads, 'echo');
  await scene.untilNoPods();
});
