import { afterEach, expect, test } from 'vitest';
import type { Condition, JsonObject, KubeObject } from '../../api/meta.ts';
import { configMaps } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { kind, object } from '../../test/harness/fake-api.ts';
import type { Controller, Outcome, Reconcile } from './controller.ts';
import { TerminalError } from './errors.ts';
import { OwnWrites } from './own-writes.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const gangs = kind('example.com', 'v1', 'Gang');

interface Gang extends KubeObject {
  readonly spec: { readonly members: readonly string[] };
  readonly status?: JsonObject & { readonly conditions?: readonly Condition[] };
}

type Logic = (ctx: Reconcile<Gang>) => Promise<Outcome>;

async function setup(reconcile: Logic, more: Partial<Controller<Gang>> = {}) {
  const bench = createBench();
  benches.push(bench);
  bench.run<Gang>({
    name: 'gang-controller',
    for: gangs,
    owns: [configMaps],
    reconcile: (_key, ctx) => reconcile(ctx),
    ...more,
  });
  await bench.start();
  const { api } = bench;
  const make = async (name: string, members: string[] = []) => {
    await api.create(gangs, object(gangs, `a/${name}`, { spec: { members } }), { signal });
    await bench.pass();
  };
  const gang = (name = 'g') => api.peek<Gang>(gangs, `a/${name}`);
  const maps = () =>
    api
      .all(configMaps)
      .map(({ metadata }) => metadata.name)
      .sort();
  const verbs = (verb: string) => api.calls.filter((call) => call.verb === verb).length;
  const set = async (members: string[]) => {
    await bench.patch(gangs, 'a/g', { spec: { members } });
    await bench.pass();
  };
  return { bench, api, make, gang, maps, verbs, set };
}

const applyMembers: Logic = async (ctx) => {
  for (const member of ctx.object.spec.members) {
    await ctx.apply(configMaps, object(configMaps, `a/${member}`, { data: { of: 'g' } }));
  }
  await ctx.setStatus({ members: ctx.object.spec.members.length }, [
    { type: 'Ready', status: 'True', reason: 'AllThere', message: 'All members are there.' },
  ]);
  return undefined;
};

test('children are applied under control, come back, and are pruned when not applied', async () => {
  const { bench, api, make, maps, set, gang } = await setup(applyMembers);
  await api.create(configMaps, object(configMaps, 'a/foreign'), { signal });
  await make('g', ['one', 'two']);
  expect(maps()).toEqual(['foreign', 'one', 'two']);
  const owner = api.peek(configMaps, 'a/one')?.metadata.ownerReferences;
  expect(owner).toMatchObject([{ kind: 'Gang', uid: gang()?.metadata.uid, controller: true }]);
  await api.delete(configMaps, { namespace: 'a', name: 'one' }, { signal });
  await bench.pass();
  expect(maps()).toEqual(['foreign', 'one', 'two']);
  await set(['two', 'three']);
  expect(maps()).toEqual(['foreign', 'three', 'two']);
});

test('a pass that did not get to its children prunes none', async () => {
  let incomplete = false;
  const { make, maps, set } = await setup(async (ctx) => {
    if (incomplete) return { incomplete: true };
    return applyMembers(ctx);
  });
  await make('g', ['one']);
  incomplete = true;
  await set([]);
  expect(maps()).toEqual(['one']);
});

test('status is written once, with observedGeneration, and again only when it differs', async () => {
  const { bench, make, gang, verbs, set } = await setup(applyMembers);
  await make('g', ['one']);
  expect(gang()?.status).toMatchObject({ members: 1, observedGeneration: 1 });
  expect(gang()?.status?.conditions).toMatchObject([{ type: 'Ready', observedGeneration: 1 }]);
  expect(gang()?.status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
  const written = verbs('patch');
  await bench.patch(gangs, 'a/g', { metadata: { labels: { x: 'y' } } });
  await bench.pass();
  expect(verbs('patch')).toBe(written + 1);
  await bench.pass(60_000);
  await set(['one']);
  await set(['one', 'two']);
  expect(gang()?.status).toMatchObject({ members: 2, observedGeneration: 2 });
  expect(gang()?.status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z');
});

test('one key is never worked on twice at a time, others go on', async () => {
  let active = new Map<string, number>();
  let most = 0;
  let others = 0;
  const { bench, make } = await setup(async ({ object: gang, clock }) => {
    const name = gang.metadata.name ?? '';
    active.set(name, (active.get(name) ?? 0) + 1);
    most = Math.max(most, ...active.values());
    if ([...active.values()].filter((count) => count > 0).length > 1) others += 1;
    await clock.sleep(1_000);
    active.set(name, (active.get(name) ?? 0) - 1);
    return undefined;
  });
  await make('g');
  await make('h');
  for (let i = 0; i < 10; i += 1) {
    await bench.patch(gangs, 'a/g', { metadata: { labels: { i: String(i) } } });
    await bench.pass(300);
  }
  await bench.pass(3_000);
  expect(most).toBe(1);
  expect(others).toBeGreaterThan(0);
  active = new Map();
});

test('what throws is tried again with backoff, and starts over after a success', async () => {
  let failing = true;
  const times: number[] = [];
  const { bench, make } = await setup(async ({ clock }) => {
    times.push(clock.now());
    if (failing) throw new StatusError(503, 'ServiceUnavailable', 'away');
    return undefined;
  });
  await make('g');
  await bench.pass(2_000);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(gaps.length).toBeGreaterThan(6);
  expect(gaps.at(-1)).toBeGreaterThan(400);
  expect([...gaps].sort((a, b) => a - b)).toEqual(gaps);
  failing = false;
  await bench.pass(3_000);
  const before = times.length;
  failing = true;
  await bench.patch(gangs, 'a/g', { metadata: { labels: { x: 'y' } } });
  await bench.pass(20);
  expect(times.length - before).toBeGreaterThan(1);
});

test('a terminal error becomes a condition and is not tried again until the object changes', async () => {
  let passes = 0;
  const { bench, make, gang, set } = await setup(async ({ object: { spec } }) => {
    passes += 1;
    if (spec.members.length === 0) throw new TerminalError('NoMembers', 'a gang needs members');
    return undefined;
  });
  await make('g');
  const before = passes;
  await bench.pass(3_600_000);
  expect(passes).toBe(before);
  expect(gang()?.status?.conditions).toMatchObject([
    { type: 'Stalled', status: 'True', reason: 'NoMembers', observedGeneration: 1 },
  ]);
  await set(['one']);
  expect(gang()?.status?.conditions).toBeUndefined();
});

test('comes back after as long as asked', async () => {
  let passes = 0;
  const { bench, make } = await setup(async () => {
    passes += 1;
    return { requeueAfterMs: 10_000 };
  });
  await make('g');
  await bench.pass(35_000);
  expect(passes).toBe(4);
});

test('the finalizer is there before the first side effect and goes after finalize succeeds', async () => {
  let refuse = true;
  const finalizersAtReconcile: unknown[] = [];
  const { bench, api, make, gang } = await setup(
    async ({ object: { metadata } }) => {
      finalizersAtReconcile.push(api0().peek(gangs, 'a/g')?.metadata.finalizers);
      expect(metadata.finalizers).toEqual(['example.com/gang']);
      return undefined;
    },
    {
      finalizerName: 'example.com/gang',
      finalize: async () => {
        if (refuse) throw new Error('not yet');
        return undefined;
      },
    },
  );
  function api0() {
    return api;
  }
  await make('g');
  expect(finalizersAtReconcile[0]).toEqual(['example.com/gang']);
  await api.delete(gangs, { namespace: 'a', name: 'g' }, { signal });
  await bench.pass(1_000);
  expect(gang()).toBeDefined();
  refuse = false;
  await bench.pass(60_000);
  expect(gang()).toBeUndefined();
});

test('own writes lie over the cache until it has seen them', async () => {
  const bench = createBench();
  benches.push(bench);
  await bench.start();
  const { api, informers, clock } = bench;
  const cache = informers.for(configMaps);
  await bench.pass();
  const writes = new OwnWrites<KubeObject>(cache, clock);
  const any = () => true;
  api.pauseDelivery();
  const made = await api.create(configMaps, object(configMaps, 'a/x'), { signal });
  writes.stored(made);
  expect(writes.over(cache.list(), any)).toHaveLength(1);
  expect(writes.get('a/x')).toBe(made);
  api.resumeDelivery();
  await bench.pass();
  api.pauseDelivery();
  await api.delete(configMaps, { namespace: 'a', name: 'x' }, { signal });
  writes.deleted(made);
  expect(cache.list()).toHaveLength(1);
  expect(writes.over(cache.list(), any)[0]?.metadata.deletionTimestamp).toBeDefined();
  api.resumeDelivery();
  await bench.pass();
  expect(writes.over(cache.list(), any)).toHaveLength(0);
  expect(writes.get('a/x')).toBeUndefined();
});
