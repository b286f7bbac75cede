/** One process may die and be started anew: what runs goes on (more of it in test/faults/bypass.test.ts). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { ConfigMap, Pod, Workload } from '../../api/kinds.gen.ts';
import { configMaps, pods, workloads } from '../../api/resources.gen.ts';
import {
  configMapOf,
  containerOf,
  isReady,
  nameOf,
  onEachStore,
  restartsOf,
  restScript,
  Scene,
  workloadOf,
} from './scene.ts';
import { until } from './until.ts';

onEachStore('survival', (plane) => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.open(plane());
  });

  test('kill -9 of Berth changes nothing for what runs, and the next Berth adopts it', async () => {
    await scene.create<ConfigMap>(configMaps, configMapOf('note', { text: 'still here' }));
    await scene.create<Workload>(workloads, workloadOf('echo', { replicas: 2 }, restScript));
    await scene.createPod('pair', {
      containers: [containerOf(restScript, { name: 'a' }), containerOf(restScript, { name: 'b' })],
    });
    const before = await scene.untilReadyPods(3);
    const pids = await scene.pids();
    expect(pids.size).toBe(4);

    const killed = plane().pid();
    await plane().kill();
    await expect(scene.pods()).rejects.toThrow();
    expect(await scene.pids()).toEqual(pids);

    await plane().up();
    expect(plane().pid()).not.toBe(killed);
    const after = await scene.untilReadyPods(3);
    expect(after.map(facts)).toEqual(before.map(facts));
    expect(await scene.get<ConfigMap>(configMaps, 'note')).toMatchObject({
      data: { text: 'still here' },
    });
    // The new agent has looked at everything once it has carried out something new.
    await scene.patch(workloads, 'echo', { spec: { replicas: 3 } });
    await scene.untilReadyPods(3, 'app=echo');
    const now = await scene.pids();
    for (const [id, pid] of pids) expect(now.get(id)).toBe(pid);
    expect(
      (await scene.pods()).filter(({ metadata }) => wasThere(before, metadata.uid)),
    ).toHaveLength(3);

    await scene.delete(workloads, 'echo');
    await scene.delete(pods, 'pair');
    await scene.untilNoPods();
    await until('no container is left', async () => (await plane().containers()).length === 0);
  });

  test('berth down leaves workloads running, and berth up finds them', async () => {
    await scene.createWorkload('stay', { replicas: 2 });
    const before = await scene.untilReadyPods(2);
    const pids = await scene.pids();
    await plane().down();
    expect(existsSync(join(plane().dataDir, 'berth.pid'))).toBe(false);
    expect(await scene.pids()).toEqual(pids);
    // It says so, and does no harm, when there is nothing to stop.
    await plane().down();
    await plane().up();
    await plane().up();
    expect((await scene.untilReadyPods(2)).map(facts)).toEqual(before.map(facts));
    expect(await scene.pids()).toEqual(pids);
    await scene.delete(workloads, 'stay');
    await scene.untilNoPods();
  });

  test('what happened while Berth was down is seen by the next one', async () => {
    await scene.createPod('ends', {
      restartPolicy: 'Never',
      containers: [containerOf('while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 7')],
    });
    await scene.createPod('dies', {});
    await Promise.all(['ends', 'dies'].map((name) => scene.untilReady(name)));
    await plane().down();
    const pids = await scene.pids();
    for (const pid of pids.values()) process.kill(pid, 'SIGKILL');
    await until('both have ended', async () => (await scene.pids()).size === 0);
    await plane().up();
    const ended = await scene.untilPod(
      'ends',
      'has failed',
      ({ status }) => status?.phase === 'Failed',
    );
    expect(ended.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
    await scene.untilPod('dies', 'runs again', (pod) => isReady(pod) && restartsOf(pod) === 1);
    await Promise.all(['ends', 'dies'].map((name) => scene.delete(pods, name)));
    await scene.untilNoPods();
  });
});

function facts(pod: Pod) {
  const ids = pod.status?.containerStatuses?.map(({ containerID }) => containerID);
  return { name: nameOf(pod), uid: pod.metadata.uid, restarts: restartsOf(pod), ids };
}

function wasThere(before: readonly Pod[], uid: string | undefined): boolean {
  return before.some(({ metadata }) => metadata.uid === uid);
}
