import { afterEach, describe, expect, it } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

type Gang = NonNullable<NonNullable<Workload['spec']['placement']>['gang']>;

/** A Workload with so many members, and their pods. */
async function gang(world: World, name: string, count: number, cpu: string, more: Gang = {}) {
  const workload: Workload = {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { namespace: 'default', name },
    spec: {
      replicas: count,
      placement: { gang: more },
      selector: {},
      template: { spec: { containers: [{ name: 'main' }] } },
    },
  };
  const { metadata } = await world.api.create<Workload>(workloads, workload, { signal });
  const ownerReferences = [
    {
      apiVersion: 'berth.dev/v1',
      kind: 'Workload',
      name,
      uid: metadata.uid ?? '',
      controller: true,
    },
  ];
  const add = (index: number, spec: Partial<Pod['spec']> = {}) =>
    world.pod(`${name}-${index}`, cpu, { ownerReferences, spec });
  return { add };
}

async function members(world: World, name: string): Promise<(string | undefined)[]> {
  const bound = await world.bound();
  return Object.entries(bound)
    .filter(([pod]) => pod.startsWith(`${name}-`))
    .map(([, node]) => node);
}

async function told(world: World, pod: string) {
  const { status } = await world.get<Pod>(pods, pod);
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

describe('a gang', () => {
  it('gets its nodes in one write when all fit, and none before', async () => {
    const world = new World();
    await world.node('n1', '2');
    const { add } = await gang(world, 'g', 3, '1');
    world.start();
    await world.clock.advance(10);
    await add(0);
    await world.clock.advance(2_000);
    await add(1);
    await world.clock.advance(2_000);
    expect(await told(world, 'g-0')).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message: 'gang "g": 2 of 3 members are there',
    });
    await add(2);
    await world.clock.advance(10_000);
    expect(await members(world, 'g')).toEqual([undefined, undefined, undefined]);
    expect((await told(world, 'g-0'))?.message).toBe(
      'gang "g": 2 of 3 members fit at the same time; for the next: 0/1 nodes are available: ' +
        '1 Insufficient cpu (asked 1, at most 0 free on n1). Nearest: free 1 of cpu on node n1.',
    );
    // What it does not get is free for others.
    await world.pod('single', '1');
    await world.clock.advance(1_000);
    expect(await world.nodeOf('single')).toBe('n1');
    await world.node('n2', '2');
    await world.clock.advance(10_000);
    expect((await members(world, 'g')).filter((node) => node !== undefined)).toHaveLength(3);
    const group = world.api.requests.at(-1)?.items.map((item) => item.group);
    expect(group).toHaveLength(3);
    expect(new Set(group).size).toBe(1);
  });

  it('is content with minMember; the rest comes one by one', async () => {
    const world = new World();
    await world.node('n1', '2');
    const { add } = await gang(world, 'g', 3, '1', { minMember: 2 });
    for (const index of [0, 1, 2]) await add(index);
    world.start();
    await world.clock.advance(10);
    expect((await members(world, 'g')).filter((node) => node !== undefined)).toHaveLength(2);
    await world.node('n2', '1');
    await world.clock.advance(10_000);
    expect(await members(world, 'g')).not.toContain(undefined);
  });

  it('is told when its time is over, how many fit and what lacked', async () => {
    const world = new World();
    await world.node('n1', '1');
    const { add } = await gang(world, 'g', 2, '1', { timeoutSeconds: 20 });
    for (const index of [0, 1]) await add(index);
    world.start();
    await world.clock.advance(15_000);
    expect((await told(world, 'g-1'))?.reason).toBe('Unschedulable');
    await world.clock.advance(10_000);
    expect(await told(world, 'g-1')).toMatchObject({
      reason: 'GangTimeout',
      message: expect.stringMatching(
        /^gang "g" was not placed within 20s: 1 of 2 members fit at the same time; for the next: /,
      ),
    });
    await world.node('n2', '1');
    await world.clock.advance(10_000);
    expect(await members(world, 'g')).not.toContain(undefined);
  });

  it('can be pods with a label, which say how many they are', async () => {
    const world = new World();
    await world.node('n1', '4');
    const labels = { 'scheduling.x-k8s.io/pod-group': 'train' };
    const annotations = { 'berth.dev/gang-min-member': '2' };
    await world.pod('a', '1', { labels, annotations });
    await world.pod('mute', '1', { labels: { 'scheduling.x-k8s.io/pod-group': 'mute' } });
    world.start();
    await world.clock.advance(10);
    expect(await world.nodeOf('a')).toBeUndefined();
    expect((await told(world, 'mute'))?.message).toContain('berth.dev/gang-min-member');
    await world.pod('b', '1', { labels, annotations });
    await world.clock.advance(10_000);
    expect(await world.bound()).toEqual({ a: 'n1', b: 'n1', mute: undefined });
  });

  it('has room made for all of it, or for none', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    await world.node('n3', '1');
    await world.pod('low', '1', { spec: { nodeName: 'n1', priority: 1 } });
    await world.pod('high', '1', { spec: { nodeName: 'n2', priority: 100 } });
    const { add } = await gang(world, 'g', 3, '1');
    for (const index of [0, 1, 2]) await add(index, { priority: 10 });
    world.start();
    await world.clock.advance(20_000);
    // Removing the one would not be enough.
    const low = async () => (await world.get<Pod>(pods, 'low')).metadata.deletionTimestamp;
    expect(await low()).toBeUndefined();
    const key = { namespace: 'default', name: 'high' };
    await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
    await world.clock.advance(10_000);
    expect(await low()).toBeDefined();
    expect((await told(world, 'g-0'))?.message).toContain('preemption: ');
    // Also the room that is free already is kept.
    await world.pod('next', '1', { spec: { priority: 9 } });
    await world.clock.advance(10_000);
    expect(await world.nodeOf('next')).toBeUndefined();
    const lowKey = { namespace: 'default', name: 'low' };
    await world.api.delete(pods, lowKey, { signal, gracePeriodSeconds: 0 });
    await world.clock.advance(10_000);
    expect((await members(world, 'g')).sort()).toEqual(['n1', 'n2', 'n3']);
  });

  it('takes what becomes free while it looks for whom to remove', async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      const world = new World();
      for (const name of ['n1', 'n2', 'n3']) await world.node(name, '1');
      await world.pod('low', '1', { spec: { nodeName: 'n1', priority: 1 } });
      await world.pod('high', '1', { spec: { nodeName: 'n2', priority: 100 } });
      const { add } = await gang(world, 'g', 2, '1');
      for (const index of [0, 1]) await add(index, { priority: 10 });
      // Each look at the clock ends a turn.
      const now = world.clock.now.bind(world.clock);
      let looks = 0;
      world.clock.now = () => now() + 5 * looks++;
      world.start();
      for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
      const key = { namespace: 'default', name: 'high' };
      await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
      world.clock.now = now;
      await world.clock.advance(10_000);
      expect((await members(world, 'g')).sort(), `after ${turns} turns`).toEqual(['n2', 'n3']);
    }
  });

  it('has room made in turns, whoever goes meanwhile', async () => {
    for (let turns = 0; turns < 30; turns += 1) {
      const world = new World();
      const gone = { signal, gracePeriodSeconds: 0 };
      for (const name of ['n1', 'n2']) await world.node(name, '1');
      await world.pod('low1', '1', { spec: { nodeName: 'n1', priority: 1 } });
      await world.pod('low2', '1', { spec: { nodeName: 'n2', priority: 1 } });
      const { add } = await gang(world, 'g', 2, '1');
      for (const index of [0, 1]) await add(index, { priority: 10 });
      // Each look at the clock ends a turn.
      const now = world.clock.now.bind(world.clock);
      let looks = 0;
      world.clock.now = () => now() + 5 * looks++;
      world.start();
      for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
      await world.api.delete(pods, { namespace: 'default', name: 'low1' }, gone);
      world.clock.now = now;
      await world.clock.advance(10_000);
      expect((await world.get<Pod>(pods, 'low2')).metadata.deletionTimestamp).toBeDefined();
      await world.api.delete(pods, { namespace: 'default', name: 'low2' }, gone);
      await world.clock.advance(10_000);
      expect((await members(world, 'g')).sort(), `after ${turns} turns`).toEqual(['n1', 'n2']);
      // Nothing is counted for those that went.
      await world.api.delete(pods, { namespace: 'default', name: 'g-0' }, gone);
      await add(2);
      await world.clock.advance(10_000);
      expect(await members(world, 'g'), `after ${turns} turns`).not.toContain(undefined);
    }
  });

  it('lets go of the rooms that were kept for it when its time is over', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    await world.pod('low', '1', { spec: { nodeName: 'n1' } });
    const { add } = await gang(world, 'g', 2, '1', { timeoutSeconds: 60 });
    for (const index of [0, 1]) await add(index, { priority: 10 });
    world.start();
    await world.clock.advance(10_000);
    // The victim takes its time.
    await world.pod('next', '1');
    await world.clock.advance(10_000);
    expect(await world.nodeOf('next')).toBeUndefined();
    await world.clock.advance(120_000);
    expect(await world.nodeOf('next')).toBe('n2');
    expect((await world.get<Pod>(pods, 'g-0')).status?.nominatedNodeName).toBeUndefined();
  });

  it('replaces a member that is lost without waiting for anybody', async () => {
    const world = new World();
    await world.node('n1', '2');
    const { add } = await gang(world, 'g', 2, '1');
    for (const index of [0, 1]) await add(index);
    world.start();
    await world.clock.advance(10);
    const key = { namespace: 'default', name: 'g-0' };
    await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
    await world.clock.advance(10);
    await add(0);
    await world.clock.advance(10_000);
    expect(await members(world, 'g')).toEqual(['n1', 'n1']);
  });
});
