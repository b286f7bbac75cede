/** The engine may die too: under live-restore what runs goes on, and Berth catches up afterwards. */
import { expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { systemClock } from '../../lib/clock.ts';
import { isReady, nameOf, never, restartsOf, workloadOf } from '../e2e/scene.ts';
import { until } from '../e2e/until.ts';
import { TestEngine } from '../harness/docker-engine.ts';
import { Apart } from './apart.ts';
import { soak } from './runs.ts';

const outageMs = soak ? 30_000 : 3_000;
/** Lines that the engine may have read but not yet kept when it dies; an outage has many more. */
const heldAtDeath = 5;
const timeoutMs = soak ? 600_000 : 180_000;
const namespace = 'default';
const workload = { namespace, name: 'count' };

const countScript = 'trap "exit 0" TERM; i=0; while :; do echo $i; i=$((i+1)); usleep 20000; done';

test('live-restore: kill -9 of the engine', { timeout: timeoutMs }, async () => {
  const engine = await TestEngine.start(['--live-restore']);
  let apart: Apart | undefined;
  try {
    apart = await Apart.start({ engineSocket: engine.socketPath });
    await createCounters(apart, 2);
    const first = await converged(apart, 2);
    const before = await apart.pids();
    expect(before.size).toBe(2);
    const counted = await numbersOf(apart, first);

    await engine.kill();
    // Asked for while nobody can carry it out.
    await apart.client.patch(workloads, workload, { spec: { replicas: 3 } }, never);
    await systemClock.sleep(outageMs);
    expect(await restartedOrDeleted(apart, first)).toEqual([]);
    await engine.revive();

    const all = await converged(apart, 3);
    const after = await apart.pids();
    expect(after.size).toBe(3);
    expect(after).toEqual(new Map([...after, ...before]));
    expect(await restartedOrDeleted(apart, all)).toEqual([]);
    for (const [name, last] of counted)
      await goesOn(apart, name, last + outageMs / 20, heldAtDeath);
    await nothingLeft(apart);
  } catch (error) {
    const agent = apart?.said('agent').split('\n').slice(-15).join('\n');
    throw new Error(`${error}\nagent:\n${agent}\nengine:\n${engine.said()}`, { cause: error });
  } finally {
    // When the engine is dead; what runs in it ends with its namespaces.
    await apart?.remove().catch(() => undefined);
    await engine.remove();
  }
});

async function createCounters(apart: Apart, replicas: number): Promise<void> {
  const { spec, ...rest } = workloadOf('count', { replicas }, countScript);
  const { template } = spec;
  const onHost = { ...template, spec: { ...template.spec, hostNetwork: true } };
  const object = { ...rest, metadata: workload, spec: { ...spec, template: onHost } };
  await apart.client.create(workloads, object, never);
}

/** Until so many pods are ready, with one container each and no other. */
async function converged(apart: Apart, count: number): Promise<readonly Pod[]> {
  let found = '';
  return until(`${count} pods run`, async () => {
    const { items } = await apart.client.list<Pod>(pods, { namespace, ...never });
    found = JSON.stringify(items.map(({ status }) => status));
    const containers = await apart.containers();
    if (items.length !== count || containers.length !== count) return false;
    return items.every(isReady) ? items : false;
  }).catch((error) => {
    throw new Error(`${error} ${found}`, { cause: error });
  });
}

/** Those of the pods that are not as they were. */
async function restartedOrDeleted(apart: Apart, known: readonly Pod[]): Promise<readonly string[]> {
  const { items } = await apart.client.list<Pod>(pods, { namespace, ...never });
  const now = new Map(items.map((pod) => [pod.metadata.uid, pod]));
  return known
    .map((pod) => [nameOf(pod), now.get(pod.metadata.uid)] as const)
    .flatMap(([name, pod]) => {
      const same = pod?.metadata.deletionTimestamp === undefined && pod && restartsOf(pod) === 0;
      return same ? [] : [name];
    });
}

/** The last number that each of the pods has written. */
async function numbersOf(apart: Apart, of: readonly Pod[]): Promise<ReadonlyMap<string, number>> {
  const last = of.map(async (pod) => [nameOf(pod), await goesOn(apart, nameOf(pod), 1)] as const);
  return new Map(await Promise.all(last));
}

/** Until a pod's log goes beyond a number, in order and complete; answers how far it goes. */
async function goesOn(apart: Apart, name: string, beyond: number, mayMiss = 0): Promise<number> {
  const numbers = await until(`${name} has written more than ${beyond}`, async () => {
    const { code, stdout, stderr } = await apart.berth('logs', name);
    if (code !== 0) throw new Error(stderr);
    const written = stdout.trimEnd().split('\n').map(Number);
    return (written.at(-1) ?? 0) > beyond ? written : false;
  });
  expect(numbers, `the log of ${name}`).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const last = numbers.at(-1) ?? 0;
  expect(last + 1 - numbers.length, `numbers missing of ${name}`).toBeLessThanOrEqual(mayMiss);
  return last;
}

/** The workload is deleted, and no container or folder of it stays. */
async function nothingLeft(apart: Apart): Promise<void> {
  await apart.client.delete(workloads, workload, never);
  await until('nothing is left', async () => {
    const left = (await apart.client.list<Pod>(pods, { namespace, ...never })).items.length;
    return left + (await apart.containers()).length + apart.folders().length === 0;
  });
}
