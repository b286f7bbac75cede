import { afterEach, expect, it } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import { nodes, pods, workloads } from '../../api/resources.gen.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

it('decides all pods of a workload that counts by node at once: all or none', async () => {
  const world = new World();
  for (const [name, cpu] of [
    ['n1', '4'],
    ['n2', '2'],
    ['n3', '1'],
  ] as const) {
    await world.node(name, cpu);
  }
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
  for (let i = 0; i < 6; i += 1) await world.pod(`e${i}`, '1', { ownerReferences });
  world.start();
  await world.clock.advance(1_000);
  const where = async () => Object.values(await world.bound());
  expect(await where()).toEqual(new Array(6).fill(undefined));
  const { status } = await world.get<Pod>(pods, 'e5');
  expect(status?.conditions?.[0]?.message).toContain(
    'strategy Each: 2 of 3 nodes have room for 2, 3 are needed',
  );
  const n3 = await world.get<Node>(nodes, 'n3');
  const allocatable = { ...n3.status?.allocatable, cpu: '2' };
  const grown = { ...n3, status: { ...n3.status, allocatable } };
  await world.api.update<Node>(nodes, grown, { signal, subresource: 'status' });
  await world.clock.advance(1_000);
  expect((await where()).sort()).toEqual(['n1', 'n1', 'n2', 'n2', 'n3', 'n3']);
});
