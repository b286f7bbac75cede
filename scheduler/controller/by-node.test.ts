import { afterEach, expect, it } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

/** So many pods of one core, two of which go to every node. */
async function twoEach(world: World, count: number): Promise<void> {
  const workload: Workload = {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { namespace: 'default', name: 'each' },
    spec: {
      placement: { strategy: 'Each', perNode: 2 },
      selector: {},
      template: { spec: { containers: [{ name: 'main' }] } },
    },
  };
  const created = await world.api.create<Workload>(workloads, workload, { signal });
  const { uid = '' } = created.metadata;
  const owner = { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'each', uid };
  const ownerReferences = [{ ...owner, controller: true }];
  for (let i = 0; i < count; i += 1) await world.pod(`e${i}`, '1', { ownerReferences });
}

async function grow(world: World, name: string, cpu: string): Promise<void> {
  const node = await world.get<Node>(nodes, name);
  const allocatable = { ...node.status?.allocatable, cpu };
  const grown = { ...node, status: { ...node.status, allocatable } };
  await world.api.update<Node>(nodes, grown, { signal, subresource: 'status' });
}

it('decides all pods of a workload that counts by node at once: all or none', async () => {
  const world = new World();
  await world.node('n1', '4');
  await world.node('n2', '2');
  await world.node('n3', '1');
  await twoEach(world, 6);
  world.start();
  await world.clock.advance(1_000);
  const where = async () => Object.values(await world.bound());
  expect(await where()).toEqual(new Array(6).fill(undefined));
  const { status } = await world.get<Pod>(pods, 'e5');
  expect(status?.conditions?.[0]?.message).toContain(
    'strategy Each: 2 of 3 nodes have room for 2, 3 are needed',
  );
  await grow(world, 'n3', '2');
  await world.clock.advance(1_000);
  expect((await where()).sort()).toEqual(['n1', 'n1', 'n2', 'n2', 'n3', 'n3']);
});

it('heeds what changes while it decides about them in turns', async () => {
  for (let turns = 0; turns < 16; turns += 1) {
    const world = new World();
    await world.node('n1', '2');
    await world.node('n2', '1');
    // Each look at the clock ends a turn.
    const now = world.clock.now.bind(world.clock);
    let looks = 0;
    world.clock.now = () => now() + 5 * looks++;
    await twoEach(world, 4);
    world.start();
    for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
    await grow(world, 'n2', '2');
    await world.api.delete(
      pods,
      { namespace: 'default', name: 'e0' },
      { signal, gracePeriodSeconds: 0 },
    );
    world.clock.now = now;
    await world.clock.advance(2_000);
    // Nothing is held for the one that went.
    await world.pod('later', '1');
    await world.clock.advance(2_000);
    const where = Object.values(await world.bound()).sort();
    expect(where, `after ${turns} turns`).toEqual(['n1', 'n1', 'n2', 'n2']);
  }
});
