import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Pod, PodDisruptionBudget } from '../../api/kinds.gen.ts';
import { nodes, podDisruptionBudgets, pods } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

/** The node's agent lets go of what is being deleted. */
async function letGo(world: World): Promise<void> {
  const { items } = await world.api.list<Pod>(pods, { signal });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp === undefined) continue;
    const key = { namespace: 'default', name: metadata.name ?? '' };
    await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
  }
}

async function leaving(world: World): Promise<string[]> {
  const { items } = await world.api.list<Pod>(pods, { signal });
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map(({ metadata }) => metadata.name ?? '')
    .sort();
}

async function running(world: World, name: string, cpu: string, node: string, priority = 0) {
  return world.pod(name, cpu, { spec: { nodeName: node, priority } });
}

describe('preemption', () => {
  it('removes who is less important, says why, and keeps the room', async () => {
    const world = new World();
    await world.node('n1', '2');
    await running(world, 'low', '1', 'n1', 1);
    await running(world, 'lower', '1', 'n1', 0);
    world.start();
    await world.clock.advance(10);
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['lower']);
    const victim = await world.get<Pod>(pods, 'lower');
    expect(victim.status?.conditions).toMatchObject([
      { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' },
    ]);
    expect(await world.eventReasons('lower')).toEqual(['Preempted']);
    const vip = await world.get<Pod>(pods, 'vip');
    expect(vip.status).toMatchObject({
      nominatedNodeName: 'n1',
      conditions: [
        {
          type: 'PodScheduled',
          reason: 'Unschedulable',
          message:
            '0/1 nodes are available: 1 Insufficient cpu (asked 1, at most 0 free on n1). ' +
            'Nearest: free 1 of cpu on node n1. ' +
            'preemption: 1 less important pod(s) are removed from n1.',
        },
      ],
    });
    // The room is not for others meanwhile, nor when it becomes free.
    await world.pod('cheeky', '1', { spec: { priority: 5, preemptionPolicy: 'Never' } });
    await world.clock.advance(70_000);
    expect(await leaving(world)).toEqual(['lower']);
    await letGo(world);
    await world.clock.advance(10_000);
    expect(await world.bound()).toEqual({ low: 'n1', vip: 'n1', cheeky: undefined });
  });

  it('sees what becomes free while it looks for whom to remove', async () => {
    /** Who is left, when an important pod ends so many turns of the event loop after another has come. */
    const boundAfter = async (turns: number) => {
      const world = new World();
      await world.node('n1', '1');
      await world.node('n2', '1');
      await running(world, 'low', '1', 'n1', 0);
      await running(world, 'busy', '1', 'n2', 50);
      world.start();
      await world.clock.advance(10);
      // Each look at the clock ends a turn.
      const now = world.clock.now.bind(world.clock);
      let looks = 0;
      world.clock.now = () => now() + 5 * looks++;
      await world.pod('vip', '1', { spec: { priority: 10 } });
      for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
      const busy = { namespace: 'default', name: 'busy' };
      await world.api.delete(pods, busy, { signal, gracePeriodSeconds: 0 });
      world.clock.now = now;
      await world.clock.advance(10_000);
      await letGo(world);
      await world.clock.advance(10_000);
      return world.bound();
    };
    const spared = { low: 'n1', vip: 'n2' };
    for (let turns = 0; turns < 10; turns += 1) {
      const bound = await boundAfter(turns);
      // What was chosen before is given up for what is free, but who had to go is gone.
      expect(turns === 0 ? bound : { ...spared, ...bound }).toEqual(spared);
    }
  });

  it('is not for equals, nor for those whose policy is Never', async () => {
    const world = new World();
    await world.node('n1', '1');
    await running(world, 'holder', '1', 'n1', 5);
    world.start();
    await world.pod('equal', '1', { spec: { priority: 5 } });
    await world.pod('calm', '1', { spec: { priority: 9, preemptionPolicy: 'Never' } });
    await world.clock.advance(100_000);
    expect(await leaving(world)).toEqual([]);
    const calm = await world.get<Pod>(pods, 'calm');
    expect(calm.status?.conditions?.[0]?.message).toContain(
      'preemption: not eligible due to preemptionPolicy=Never.',
    );
    expect(calm.status?.nominatedNodeName).toBeUndefined();
  });

  it('evicts nobody where that would not help', async () => {
    const world = new World();
    await world.node('n1', '2');
    await running(world, 'low', '1', 'n1', 0);
    await running(world, 'high', '1', 'n1', 50);
    await world.pod('big', '2', { spec: { priority: 10 } });
    world.start();
    await world.clock.advance(100_000);
    expect(await leaving(world)).toEqual([]);
    const { status } = await world.get<Pod>(pods, 'big');
    expect(status?.conditions?.[0]?.message).toContain(
      'preemption: no less important pods whose removal would make room.',
    );
  });

  it('spares who says so, and prefers not to violate a budget', async () => {
    const world = new World();
    for (const name of ['n1', 'n2', 'n3']) await world.node(name, '1');
    await world.pod('precious', '1', {
      annotations: { 'berth.dev/preemptible': 'false' },
      spec: { nodeName: 'n1' },
    });
    await world.pod('guarded', '1', { labels: { app: 'db' }, spec: { nodeName: 'n2' } });
    await running(world, 'plain', '1', 'n3', 3);
    const budget: PodDisruptionBudget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace: 'default', name: 'db' },
      spec: { selector: { matchLabels: { app: 'db' } }, minAvailable: 1 },
    };
    await world.api.create(podDisruptionBudgets, budget, { signal });
    world.start();
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['plain']);
    // Nothing else is left: a budget is broken rather than that the important one waits.
    await world.pod('vip2', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['guarded', 'plain']);
    expect(world.api.victims).toMatchObject([
      { name: 'plain', budget: 'Respect' },
      { name: 'guarded', budget: 'Ignore' },
    ]);
  });

  it('gives each of two who come at once a room of its own', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    await running(world, 'a', '1', 'n1');
    await running(world, 'b', '1', 'n2');
    world.start();
    await world.clock.advance(10);
    await world.pod('vip1', '1', { spec: { priority: 10 } });
    await world.pod('vip2', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['a', 'b']);
    await letGo(world);
    await world.clock.advance(10_000);
    expect(Object.values(await world.bound()).sort()).toEqual(['n1', 'n2']);
  });

  it('is given up by who finds room elsewhere', async () => {
    const world = new World();
    await world.node('n1', '1');
    await running(world, 'low', '1', 'n1');
    world.start();
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    await world.node('n2', '1');
    await world.clock.advance(10_000);
    expect(await world.nodeOf('vip')).toBe('n2');
    await letGo(world);
    await world.pod('next', '1');
    await world.clock.advance(10_000);
    expect(await world.nodeOf('next')).toBe('n1');
  });

  it('goes on in the next term as it was begun', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    await running(world, 'low1', '1', 'n1');
    await running(world, 'low2', '1', 'n2');
    const { stop } = world.start();
    await world.clock.advance(10);
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    const [victim] = await leaving(world);
    await stop();
    world.start('two');
    await world.clock.advance(20_000);
    // Nobody else has to go, and nobody else gets the room.
    expect(await leaving(world)).toEqual([victim]);
    await world.pod('next', '1', { spec: { priority: 5, preemptionPolicy: 'Never' } });
    await letGo(world);
    await world.clock.advance(10_000);
    expect(await world.nodeOf('vip')).toBeDefined();
    expect(await world.nodeOf('next')).toBeUndefined();
  });

  it('finds others when a victim cannot be removed', async () => {
    const world = new World();
    await world.node('n1', '1');
    await running(world, 'low', '1', 'n1');
    const remove = world.api.delete.bind(world.api);
    let failures = 0;
    world.api.delete = async (...args) => {
      failures += 1;
      if (failures === 1) throw new StatusError(403, 'Forbidden', 'not now');
      await remove(...args);
    };
    world.start();
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual([]);
    await world.clock.advance(10_000);
    expect(await leaving(world)).toEqual(['low']);
  });

  it('does not wait for a node that is lost meanwhile', async () => {
    const world = new World();
    const lost = await world.node('n1', '1');
    await world.node('n2', '1');
    await running(world, 'lower', '1', 'n1', 0);
    await running(world, 'low', '1', 'n2', 1);
    world.start();
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['lower']);
    // Nobody is left there who could confirm that the victim has ended.
    const status = { ...lost.status, conditions: [{ type: 'Ready', status: 'Unknown' as const }] };
    const { metadata } = await world.get<Node>(nodes, 'n1');
    const options = { signal, subresource: 'status' };
    await world.api.update<Node>(nodes, { ...lost, metadata, status }, options);
    await world.clock.advance(70_000);
    expect(await leaving(world)).toEqual(['low', 'lower']);
    const key = { namespace: 'default', name: 'low' };
    await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
    await world.clock.advance(10_000);
    expect(await world.nodeOf('vip')).toBe('n2');
  });

  it('waits for who leaves anyhow rather than removing somebody', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    await running(world, 'ending', '1', 'n1', 5);
    await running(world, 'low', '1', 'n2', 0);
    const key = { namespace: 'default', name: 'ending' };
    await world.api.delete(pods, key, { signal });
    world.start();
    await world.pod('vip', '1', { spec: { priority: 10 } });
    await world.clock.advance(10);
    expect(await leaving(world)).toEqual(['ending']);
    const { status } = await world.get<Pod>(pods, 'vip');
    expect(status?.nominatedNodeName).toBe('n1');
    expect(status?.conditions?.[0]?.message).toContain('waiting for 1 pod(s) to leave n1.');
    await letGo(world);
    await world.clock.advance(10_000);
    expect(await world.nodeOf('vip')).toBe('n1');
  });
});
