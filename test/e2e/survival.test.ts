/** Berth may die at any moment: what runs goes on, and the next Berth takes it over as it is. */
import { existsSync, readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
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

/** Answers every line with the same line. */
const echoScript = 'trap "exit 0" TERM; nc -ll -p 7 -e cat & wait';

onEachStore('survival', (plane) => {
  let scene: Scene;

  beforeEach(async () => {
    scene = await Scene.open(plane());
  });

  test('kill -9 of Berth changes nothing for what runs, and the next Berth adopts it', async () => {
    await scene.create<ConfigMap>(configMaps, configMapOf('note', { text: 'still here' }));
    await scene.create<Workload>(workloads, workloadOf('echo', { replicas: 2 }, echoScript));
    await scene.createPod('pair', {
      containers: [containerOf(restScript, { name: 'a' }), containerOf(restScript, { name: 'b' })],
    });
    const before = await scene.untilReadyPods(3);
    const pids = await scene.pids();
    expect(pids.size).toBe(4);
    const address = before.find((pod) => nameOf(pod) !== 'pair')?.status?.podIP ?? '';
    const line = await openLine(address, 7);
    expect(await line.ask('one')).toBe('one');

    const killed = plane().pid();
    await plane().kill();
    await expect(scene.pods()).rejects.toThrow();
    expect(await scene.pids()).toEqual(pids);
    expect(await line.ask('two')).toBe('two');

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
    expect(await line.ask('three')).toBe('three');
    expect(
      (await scene.pods()).filter(({ metadata }) => wasThere(before, metadata.uid)),
    ).toHaveLength(3);

    await scene.delete(workloads, 'echo');
    await scene.delete(pods, 'pair');
    await scene.untilNoPods();
    await line.closed;
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

  test('kill -9 in the middle of scaling up: all come up, nothing twice', async () => {
    await scene.createWorkload('grow', { replicas: 1 });
    await scene.untilReadyPods(1);
    for (const replicas of [5, 9]) {
      await scene.patch(workloads, 'grow', { spec: { replicas } });
      await until('the first of the new containers exists', async () => {
        return (await scene.containers()).length > replicas - 4;
      });
      await plane().kill();
      await plane().up();
      await scene.untilReadyPods(replicas);
    }
    const instances = (await scene.containers()).map(({ Labels }) => Labels['berth.dev/instance']);
    expect(new Set(instances).size).toBe(9);
    expect(instances).toHaveLength(9);
    expect((await scene.pods()).map(restartsOf)).toEqual(Array(9).fill(0));
    await scene.delete(workloads, 'grow');
    await scene.untilNoPods();
  });

  test('kill -9 in the middle of a delete: it is finished by the next Berth', async () => {
    const web = workloadOf('gone', { replicas: 4 }, 'trap "" TERM; while :; do sleep 1; done');
    await scene.create<Workload>(workloads, web);
    await scene.untilReadyPods(4);
    await scene.delete(workloads, 'gone');
    await until('the pods are on their way out', async () => {
      const left = await scene.pods();
      return left.some(({ metadata }) => metadata.deletionTimestamp !== undefined);
    });
    await plane().kill();
    expect((await scene.containers()).length).toBeGreaterThan(0);
    await plane().up();
    await scene.untilNoPods();
    await until('no container is left', async () => (await scene.containers()).length === 0);
    const directory = join(plane().dataDir, 'agent', 'pods');
    await until(
      'no directory is left',
      () => !existsSync(directory) || readdirSync(directory).length === 0,
    );
  });
});

function facts(pod: Pod) {
  const ids = pod.status?.containerStatuses?.map(({ containerID }) => containerID);
  return { name: nameOf(pod), uid: pod.metadata.uid, restarts: restartsOf(pod), ids };
}

function wasThere(before: readonly Pod[], uid: string | undefined): boolean {
  return before.some(({ metadata }) => metadata.uid === uid);
}

interface Line {
  /** Sends a line and answers what comes back. */
  ask(text: string): Promise<string>;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
}

/** One TCP connection, which stays the same all the time. */
async function openLine(host: string, port: number): Promise<Line> {
  const socket = await until('the port answers', () => dial(host, port));
  socket.setEncoding('utf8');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  return {
    closed,
    ask: (text) =>
      new Promise((resolve, reject) => {
        socket.once('data', (answer) => resolve(String(answer).trim()));
        socket.once('close', () => reject(new Error('the connection was closed')));
        socket.write(`${text}\n`);
      }),
  };
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
