/** Berth and its store may die at any moment: what runs goes on and is not touched. */
import { expect, test } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { systemClock } from '../../lib/clock.ts';
import { isReady, nameOf, restartsOf, restScript, workloadOf } from '../e2e/scene.ts';
import { until } from '../e2e/until.ts';
import { Apart, type Part } from './apart.ts';
import { CounterStream } from './counter-stream.ts';
import { Dice, seedsOf, soak, withSeed } from './runs.ts';

const title = 'bypass';
const kills = soak ? 20 : 3;
const outageMs = soak ? 30_000 : 5_000;
const timeoutMs = soak ? 1_800_000 : 240_000;
const never = { signal: new AbortController().signal };
const namespace = 'default';
/** After an outage of half a minute back-offs are long, and the machine may be busy. */
const patienceMs = 180_000;

const echoScript = (port: number) => `trap "exit 0" TERM; nc -ll -p ${port} -e cat & wait`;

test(`${title}: kill -9 of server and agent at random points`, { timeout: timeoutMs }, async () => {
  for (const seed of seedsOf(title)) await withSeed(title, seed, () => survive(seed));
});

async function survive(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const apart = await Apart.start();
  const done: string[] = [];
  try {
    const streams = await keepEchoing(apart, 2);
    await create(apart, workloadOf('moves', { replicas: 2 }, restScript));
    await converged(apart, { keep: 2, moves: 2 });
    for (let i = 0; i < kills; i += 1) {
      const before = await apart.pids();
      const wanted = await change(apart, dice, done);
      // The point of the change at which it happens.
      await systemClock.sleep(dice.below(1_500));
      const parts = dice.pick<readonly Part[]>([['server'], ['agent'], ['server', 'agent']]);
      done.push(`kill ${parts.join(' and ')}`);
      await Promise.all(parts.map((part) => apart.kill(part)));
      await systemClock.sleep(dice.below(500));
      for (const part of parts) await apart.revive(part);
      await converged(apart, { keep: 2, moves: wanted });
      await unhurt(apart, before);
    }
    for (const stream of streams) expect(await stream.close()).toBeGreaterThan(100);
    await nothingLeft(apart);
  } catch (error) {
    throw new Error(`${error}\n\nWhat was done:\n${done.join('\n')}\n${words(apart)}`, {
      cause: error,
    });
  } finally {
    await apart.remove();
  }
}

test(`${title}: etcd is away for a while`, { timeout: timeoutMs }, async () => {
  const apart = await Apart.start({ etcd: true });
  try {
    const streams = await keepEchoing(apart, 2);
    await converged(apart, { keep: 2 });
    const before = await apart.pids();
    await apart.etcd?.kill();
    await systemClock.sleep(outageMs);
    expect(await apart.pids()).toEqual(before);
    await apart.etcd?.start();
    await until(
      'the server takes writes again',
      () => scaleTo(apart, 'keep', 3).then(() => true),
      patienceMs,
    );
    await converged(apart, { keep: 3 });
    await unhurt(apart, before);
    expect(await apart.pids()).toEqual(new Map([...(await apart.pids()), ...before]));
    for (const stream of streams) await stream.close();
    await nothingLeft(apart);
  } finally {
    await apart.remove();
  }
});

/** A workload that nobody changes, and a counting connection to each of its pods. */
async function keepEchoing(apart: Apart, replicas: number): Promise<readonly CounterStream[]> {
  await create(apart, workloadOf('keep', { replicas }, echoScript(7)));
  const ready = await converged(apart, { keep: replicas });
  return Promise.all(ready.map(({ status }) => CounterStream.open(status?.podIP ?? '', 7)));
}

/** One change of the workload `moves`; answers how many replicas it shall have then. */
async function change(apart: Apart, dice: Dice, done: string[]): Promise<number> {
  const replicas = 1 + dice.below(4);
  const kind = dice.pick(['scale', 'scale', 'roll', 'delete', 'create anew'] as const);
  done.push(`${kind} ${replicas}`);
  const key = { namespace, name: 'moves' };
  const exists = await apart.client.get(workloads, key, never).then(
    () => true,
    (error) => {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    },
  );
  if (kind === 'delete' || kind === 'create anew') {
    if (exists) await apart.client.delete(workloads, key, never);
    if (kind === 'delete') return 0;
  }
  if (!exists || kind === 'create anew') {
    await create(apart, workloadOf('moves', { replicas }, restScript));
    return replicas;
  }
  const annotations = { roll: String(dice.below(1_000_000)) };
  const template = kind === 'roll' ? { template: { metadata: { annotations } } } : {};
  await patch(apart, 'moves', { spec: { replicas, ...template } });
  return replicas;
}

/** Until exactly the pods that are wanted are there, ready, with one container each and no other. */
async function converged(
  apart: Apart,
  wanted: Readonly<Record<string, number>>,
): Promise<readonly Pod[]> {
  const others = Object.values(wanted).reduce((sum, count) => sum + count, 0);
  let all: readonly Pod[] = [];
  let found = '';
  return until(
    `pods are ${JSON.stringify(wanted)}`,
    async () => {
      all = (await apart.client.list<Pod>(pods, { namespace, ...never })).items;
      const ours = all.filter((pod) => Object.keys(wanted).includes(appOf(pod)));
      const right = Object.entries(wanted).every(
        ([app, count]) => ours.filter((pod) => appOf(pod) === app).length === count,
      );
      const rolled = await upToDate(apart);
      const containers = (await apart.containers()).filter(({ Labels }) =>
        ours.some(({ metadata }) => metadata.uid === Labels['berth.dev/instance']),
      );
      const older = (await apart.containers()).length - all.length;
      found = JSON.stringify({
        pods: all.map((pod) => [nameOf(pod), isReady(pod)]),
        containers: containers.length,
        older,
        rolled,
      });
      if (!right || !rolled || !all.every(isReady) || older !== 0) return false;
      return ours.length === others && containers.length === others ? ours : false;
    },
    patienceMs,
  ).catch((error) => {
    throw new Error(`${error} ${found}`, { cause: error });
  });
}

async function upToDate(apart: Apart): Promise<boolean> {
  const { items } = await apart.client.list<Workload>(workloads, { namespace, ...never });
  return items.every(({ metadata, spec, status }) => {
    const current = status?.observedGeneration === metadata.generation;
    return current && (status?.updatedReplicas ?? 0) === (spec.replicas ?? 1);
  });
}

/** Whoever is there before and after runs in the same process; nobody was restarted. */
async function unhurt(apart: Apart, before: ReadonlyMap<string, number>): Promise<void> {
  const now = await apart.pids();
  for (const [name, pid] of before) {
    if (now.has(name)) expect(now.get(name), `the process of ${name}`).toBe(pid);
  }
  const { items } = await apart.client.list<Pod>(pods, { namespace, ...never });
  expect(items.filter((pod) => restartsOf(pod) > 0).map(nameOf)).toEqual([]);
}

/** Everything is deleted, and no container, network or folder of it stays. */
async function nothingLeft(apart: Apart): Promise<void> {
  const { items } = await apart.client.list<Workload>(workloads, { namespace, ...never });
  for (const each of items) {
    await apart.client.delete(workloads, { namespace, name: nameOf(each) }, never);
  }
  await until(
    'nothing is left',
    async () => {
      const left = (await apart.client.list<Pod>(pods, { namespace, ...never })).items.length;
      return left + (await apart.containers()).length + apart.folders().length === 0;
    },
    patienceMs,
  );
  const networks = await apart.docker.listNetworks();
  expect(networks.filter(({ Name }) => Name.includes('berth')).map(({ Name }) => Name)).toEqual([]);
}

async function create(apart: Apart, workload: Workload): Promise<void> {
  const metadata = { ...workload.metadata, namespace };
  await apart.client.create<Workload>(workloads, { ...workload, metadata }, never);
}

async function scaleTo(apart: Apart, name: string, replicas: number): Promise<void> {
  await patch(apart, name, { spec: { replicas } });
}

async function patch(apart: Apart, name: string, change_: JsonObject): Promise<void> {
  await apart.client.patch(workloads, { namespace, name }, change_, never);
}

function appOf({ metadata }: Pod): string {
  return metadata.labels?.['app'] ?? '';
}

function words(apart: Apart): string {
  const tail = (part: Part) => apart.said(part).split('\n').slice(-15).join('\n');
  return `server:\n${tail('server')}\nagent:\n${tail('agent')}`;
}
