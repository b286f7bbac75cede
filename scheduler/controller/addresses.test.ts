import { afterEach, expect, it } from 'vitest';
import type { IPPool, IPReservation, Pod, VM } from '../../api/kinds.gen.ts';
import { ipPools, ipReservations, nodes, pods, vms } from '../../api/resources.gen.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

async function makePool(world: World, nodeSelector: Record<string, string> = {}) {
  await world.api.create<IPPool>(
    ipPools,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'IPPool',
      metadata: { name: 'lan' },
      spec: { cidr: '10.20.0.0/24', nodeSelector },
    },
    { signal },
  );
}

function reserve(world: World, name: string): Promise<IPReservation> {
  return world.api.create<IPReservation>(
    ipReservations,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'IPReservation',
      metadata: { namespace: 'default', name },
      spec: { pool: 'lan' },
    },
    { signal },
  );
}

/** As the controller of addresses does. */
async function setStatus(world: World, name: string, status: IPReservation['status']) {
  const known = await world.get<IPReservation>(ipReservations, name);
  const after = { ...known, status: status ?? {} };
  await world.api.update<IPReservation>(ipReservations, after, { signal, subresource: 'status' });
}

const address = '10.20.0.7';
const annotations = { 'berth.dev/ip-reservation': 'web' };
const holderOf = ({ kind, metadata }: Pod | VM) => ({
  kind,
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
});

async function whyOf(world: World, pod: string): Promise<string | undefined> {
  const { status } = await world.get<Pod>(pods, pod);
  return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
}

it('a pod waits until the address of its reservation is its own, and is told for what', async () => {
  const world = new World();
  await world.node('n1');
  await makePool(world);
  const pod = await world.pod('web', '1', { annotations });
  world.start();
  await world.clock.advance(1_000);
  const waits = 'waits for its address: ipreservation "web"';
  expect(await whyOf(world, 'web')).toBe(`${waits} is not there`);
  await reserve(world, 'web');
  await world.clock.advance(5_000);
  expect(await whyOf(world, 'web')).toBe(`${waits} has no address yet`);
  const other = { kind: 'VM', name: 'db', uid: 'other' };
  await setStatus(world, 'web', { address, holder: other });
  await world.clock.advance(5_000);
  expect(await whyOf(world, 'web')).toBe(`${waits} is held by VM "db"`);
  expect(await world.nodeOf('web')).toBeUndefined();
  await setStatus(world, 'web', { address, holder: holderOf(pod) });
  await world.clock.advance(5_000);
  expect(await world.nodeOf('web')).toBe('n1');
});

it('a pod whose address comes a moment later is not told that it waits', async () => {
  const world = new World();
  await world.node('n1');
  await makePool(world);
  await reserve(world, 'web');
  const pod = await world.pod('web', '1', { annotations });
  world.start();
  await world.clock.advance(50);
  await setStatus(world, 'web', { address, holder: holderOf(pod) });
  await world.clock.advance(200);
  expect(await world.nodeOf('web')).toBe('n1');
  expect(await world.eventReasons('web')).toEqual(['Scheduled']);
});

it('only nodes that reach the pool will do, also those that do so later', async () => {
  const world = new World();
  const near = await world.node('n1');
  await makePool(world, { rack: 'a' });
  await reserve(world, 'web');
  const pod = await world.pod('web', '1', { annotations });
  await setStatus(world, 'web', { address, holder: holderOf(pod) });
  world.start();
  await world.clock.advance(10);
  expect(await whyOf(world, 'web')).toContain("1 node(s) don't reach ippool lan");
  const labels = { rack: 'a' };
  const { metadata } = near;
  await world.api.patch(nodes, { name: 'n1' }, { metadata: { labels } }, { signal });
  await world.clock.advance(5_000);
  expect(await world.nodeOf('web')).toBe(metadata.name);
});

it('a machine waits for the addresses of all its interfaces', async () => {
  const world = new World();
  await world.node('n1');
  await makePool(world);
  const vm = await world.api.create<VM>(
    vms,
    {
      apiVersion: 'berth.dev/v1',
      kind: 'VM',
      metadata: { namespace: 'default', name: 'db' },
      spec: {
        resources: { requests: { memory: '1Gi' } },
        interfaces: [{ pool: 'lan' }, { pool: 'lan' }],
      },
    },
    { signal },
  );
  await reserve(world, 'db');
  await setStatus(world, 'db', { address, holder: holderOf(vm) });
  world.start();
  await world.clock.advance(1_000);
  const conditionOf = async () =>
    (await world.get<VM>(vms, 'db')).status?.conditions?.find(
      ({ type }) => type === 'PodScheduled',
    );
  expect((await conditionOf())?.message).toContain('ipreservation "db-1" is not there');
  await reserve(world, 'db-1');
  await setStatus(world, 'db-1', { address: '10.20.0.8', holder: holderOf(vm) });
  await world.clock.advance(5_000);
  // No node here has libvirt: that is what is left to be told.
  expect((await conditionOf())?.message).toContain('runtime libvirt');
});
