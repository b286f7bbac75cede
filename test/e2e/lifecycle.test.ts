/** A Workload from its first manifest to its end: what the API says, and what really runs. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkInspectInfo } from 'dockerode';
import { beforeAll, expect, test } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { docker } from '../harness/plane.ts';
import {
  cgroupValue,
  isReady,
  nameOf,
  never,
  onEmbedded,
  restartsOf,
  Scene,
  webScript,
  workloadOf,
} from './scene.ts';
import { until } from './until.ts';

onEmbedded('the life of a workload', (plane) => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await Scene.open(plane());
    const limits = { memory: '64Mi', cpu: '250m' };
    const resources = { requests: { cpu: '50m', memory: '32Mi' }, limits };
    const update = { maxSurge: 1, maxUnavailable: 0 };
    const web = workloadOf('web', { replicas: 3, update }, webScript, { resources });
    await scene.create<Workload>(workloads, web);
  });

  const answer = async (pod: Pod) => (await fetch(`http://${pod.status?.podIP}/`)).text();

  test('three replicas run, answer, and have their limits', async () => {
    const web = await scene.untilReadyPods(3);
    for (const pod of web) {
      expect(pod.spec.nodeName).toBe('node-1');
      const said = await until('the pod answers', () => answer(pod));
      // The host name of a pod is its name.
      expect(said).toBe(`I am ${nameOf(pod)}\n`);
    }
    const pids = [...(await scene.pids()).values()];
    expect(pids).toHaveLength(3);
    for (const pid of pids) {
      const memory = { v1: ['memory', 'memory.limit_in_bytes'], v2: 'memory.max' } as const;
      expect(await cgroupValue(pid, memory)).toBe(String(64 * 1024 * 1024));
      const quota = { v1: ['cpu', 'cpu.cfs_quota_us'], v2: 'cpu.max' } as const;
      expect(await cgroupValue(pid, quota)).toMatch(/^25000( 100000)?$/);
    }
    await until('the workload is available', async () => {
      const { status } = await scene.workload('web');
      return status?.readyReplicas === 3 && status.availableReplicas === 3;
    });
    const { metadata, status } = await scene.workload('web');
    expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, selector: 'app=web' });
    expect(status?.observedGeneration).toBe(metadata.generation);
  });

  test('scaling up keeps who was there, and scaling down leaves no container', async () => {
    const before = new Set((await scene.pods()).map(nameOf));
    await scale(scene, 5);
    const five = (await scene.untilReadyPods(5)).map(nameOf);
    expect(five).toEqual(expect.arrayContaining([...before]));
    await scale(scene, 1);
    const [one] = await scene.untilReadyPods(1);
    await until('one container', async () => (await scene.containers()).length === 1);
    expect(five).toContain(one && nameOf(one));
    await scale(scene, 0);
    await scene.untilNoPods();
    expect(await scene.containers()).toEqual([]);
    await scale(scene, 3);
    await scene.untilReadyPods(3);
  });

  test('an update never has less than all replicas ready', async () => {
    const seen = await watchPods(scene);
    const old = (await scene.pods()).map(nameOf);
    const env = [{ name: 'GENERATION', value: '2' }];
    const [container] = (await scene.workload('web')).spec.template.spec.containers;
    const template = { spec: { containers: [{ ...container, env }] } };
    await scene.patch(workloads, 'web', { spec: { template } });
    const fresh = await until('all pods are new', async () => {
      const now = await scene.pods();
      const isNew = now.every((pod) => !old.includes(nameOf(pod)) && isReady(pod));
      return now.length === 3 && isNew ? now : undefined;
    });
    const samples = await seen.stop();
    // maxSurge 1 and maxUnavailable 0.
    expect(Math.min(...samples.map(({ ready }) => ready))).toBe(3);
    expect(Math.max(...samples.map(({ alive }) => alive))).toBe(4);
    // Three came, three went, and each was ready or not: fewer samples would mean a deaf watch.
    expect(samples.length).toBeGreaterThan(9);
    for (const pod of fresh) {
      expect(pod.spec.containers[0]?.env).toEqual(env);
      const { stdout } = await scene.exec(nameOf(pod), 'sh', '-c', 'echo $GENERATION');
      expect(stdout).toBe('2\n');
    }
    await until('the old containers are gone', async () => (await scene.containers()).length === 3);
  });

  test('an update to something that cannot run stops, and goes back', async () => {
    const before = (await scene.pods()).map(nameOf).sort();
    const [container] = (await scene.workload('web')).spec.template.spec.containers;
    const withImage = (image: string | undefined) => ({
      spec: {
        template: { spec: { containers: [{ ...container, image, imagePullPolicy: 'Never' }] } },
      },
    });
    await scene.patch(workloads, 'web', withImage('berth-test/absent:1'));
    await until('the new pod cannot run', async () =>
      (await scene.pods()).some(
        ({ status }) =>
          status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull',
      ),
    );
    expect((await scene.pods()).filter(isReady).map(nameOf).sort()).toEqual(before);
    const back = { spec: { template: { spec: { containers: [container] } } } };
    await scene.patch(workloads, 'web', back);
    await scene.untilReadyPods(3);
    // The old template is the new one again: nobody had to be replaced.
    expect((await scene.pods()).map(nameOf).sort()).toEqual(before);
  });

  test('running: false stops all and keeps names and node', async () => {
    const before = await scene.pods();
    const pids = [...(await scene.pids()).values()];
    await scene.patch(workloads, 'web', { spec: { running: false } });
    await until('every process has ended', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    await until('the workload says so', async () => {
      const { status } = await scene.workload('web');
      const available = status?.conditions?.find(({ type }) => type === 'Available');
      return status?.readyReplicas === 0 && available?.reason === 'Stopped';
    });
    const stopped = await scene.pods();
    expect(stopped.map(identity)).toEqual(before.map(identity));
    expect(stopped.filter(isReady)).toEqual([]);
    await scene.patch(workloads, 'web', { spec: { running: true } });
    const again = await scene.untilReadyPods(3);
    expect(again.map(identity)).toEqual(before.map(identity));
    for (const pod of again) await until('it answers again', () => answer(pod));
    // A stop that was asked for is no crash.
    expect(again.map((pod) => pod.status?.containerStatuses?.[0]?.state?.waiting)).toEqual(
      again.map(() => undefined),
    );
  });

  test('a pod that is deleted, and a container that is killed, come back', async () => {
    const [victim, wounded] = await scene.untilReadyPods(3);
    if (victim === undefined || wounded === undefined) throw new Error('there are three');
    await scene.delete(pods, nameOf(victim));
    const ofWounded = (await scene.containers()).find(
      ({ Labels }) => Labels['berth.dev/name'] === nameOf(wounded),
    );
    await docker.getContainer(ofWounded?.Id ?? '').kill();
    const before = restartsOf(wounded);
    const healed = await scene.untilPod(nameOf(wounded), 'was restarted', (pod) => {
      return isReady(pod) && restartsOf(pod) === before + 1;
    });
    expect(healed.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode).toBe(137);
    const after = (await scene.untilReadyPods(3)).map(nameOf);
    expect(after).toContain(nameOf(wounded));
    expect(after).not.toContain(nameOf(victim));
  });

  test('deleting it leaves nothing behind', async () => {
    const uids = (await scene.pods()).map(({ metadata }) => metadata.uid ?? '');
    await scene.delete(workloads, 'web');
    await scene.untilGone(workloads, 'web');
    await scene.untilNoPods();
    await until('no container is left', async () => (await scene.containers()).length === 0);
    expect((await docker.listNetworks()).filter(isOurs)).toEqual([]);
    const directory = join(plane().dataDir, 'agent', 'pods');
    const left = () => (existsSync(directory) ? readdirSync(directory) : []);
    await until('no directory is left', () => left().every((uid) => !uids.includes(uid)));
  });

  test('two workloads of one name in two namespaces know nothing of each other', async () => {
    const [one, two] = await Promise.all([Scene.open(plane()), Scene.open(plane())]);
    await Promise.all([one, two].map((each) => each.createWorkload('app', { replicas: 1 })));
    await Promise.all([one, two].map((each) => each.untilReadyPods(1)));
    await one.delete(workloads, 'app');
    await one.untilNoPods();
    expect(await two.untilReadyPods(1)).toHaveLength(1);
    expect((await two.containers()).map(({ State }) => State)).toEqual(['running']);
  });
});

/** Through the scale subresource, as `kubectl scale` does. */
async function scale({ client, namespace }: Scene, replicas: number): Promise<void> {
  const key = { namespace, name: 'web' };
  await client.patch(workloads, key, { spec: { replicas } }, { ...never, subresource: 'scale' });
}

/** Pods get along with the engine's own network. */
function isOurs({ Name, Labels = {} }: NetworkInspectInfo): boolean {
  return /berth/.test(Name + Object.keys(Labels));
}

function identity({ metadata, spec }: Pod) {
  return { name: metadata.name, uid: metadata.uid, node: spec.nodeName };
}

interface Sample {
  readonly ready: number;
  /** Not on their way out. */
  readonly alive: number;
}

/** One sample for every change of any pod of the namespace, from now on. */
async function watchPods({ client, namespace }: Scene) {
  const stop = new AbortController();
  const { signal } = stop;
  const start = await client.list<Pod>(pods, { namespace, signal });
  const known = new Map(start.items.map((pod) => [nameOf(pod), pod]));
  const samples: Sample[] = [];
  const follow = async () => {
    const { resourceVersion } = start;
    for await (const event of client.watch<Pod>(pods, { namespace, resourceVersion, signal })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') known.delete(nameOf(event.object));
      else known.set(nameOf(event.object), event.object);
      const now = [...known.values()];
      const alive = now.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length;
      samples.push({ ready: now.filter(isReady).length, alive });
    }
  };
  const ended = follow().catch((error) => {
    if (!signal.aborted) throw error;
  });
  return {
    async stop(): Promise<readonly Sample[]> {
      stop.abort();
      await ended;
      return samples;
    },
  };
}
