import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Pod, Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { nodes, pods, volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import { StatusError } from '../../api/status.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);

async function disk(world: World, node: string, capacity: string, more: object = {}) {
  const object = await world.get<Node>(nodes, node);
  const disks = [{ name: 'local', class: 'local', path: '/v', capacity, ...more }];
  const annotations = { 'berth.dev/disks': JSON.stringify(disks) };
  await world.api.update<Node>(
    nodes,
    { ...object, metadata: { ...object.metadata, annotations } },
    { signal },
  );
}

async function volume(world: World, name: string, spec: Partial<Volume['spec']> = {}) {
  const metadata = { namespace: 'default', name };
  const object: Volume = {
    apiVersion: 'berth.dev/v1',
    kind: 'Volume',
    metadata,
    spec: { size: '10Gi', ...spec },
  };
  return world.api.create<Volume>(volumes, object, { signal });
}

/** A pod that claims these. */
function claiming(world: World, name: string, ...claims: string[]) {
  const list = claims.map((claimName) => ({
    name: claimName,
    persistentVolumeClaim: { claimName },
  }));
  return world.pod(name, '1', { spec: { volumes: list } });
}

async function whyOf(world: World, pod: string): Promise<string | undefined> {
  const { status } = await world.get<Pod>(pods, pod);
  return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
}

async function setHolder(world: World, name: string, holder?: { name: string; uid: string }) {
  const now = await world.get<Volume>(volumes, name);
  const { holder: _, ...rest } = now.status ?? {};
  const status = holder === undefined ? rest : { ...rest, holder: { kind: 'Pod', ...holder } };
  await world.api.update<Volume>(volumes, { ...now, status }, { signal, subresource: 'status' });
}

describe('instances with Volumes', () => {
  it('are bound together with those that have no place, where all of them fit', async () => {
    const world = new World();
    await world.node('n1');
    await world.node('n2');
    await disk(world, 'n1', '15Gi');
    await disk(world, 'n2', '25Gi');
    const a = await volume(world, 'a');
    const b = await volume(world, 'b', { class: 'local', exclusive: false });
    await claiming(world, 'p', 'a', 'b');
    world.start();
    await world.clock.advance(1_000);
    expect(await world.bound()).toEqual({ p: 'n2' });
    expect(world.api.requests.flatMap(({ items }) => items)).toMatchObject([
      {
        name: 'p',
        allocation: {},
        volumes: [
          { name: 'a', uid: a.metadata.uid, disk: 'local' },
          { name: 'b', uid: b.metadata.uid, disk: 'local' },
        ],
      },
    ]);
  });

  it('go where theirs lies, and say so when there is no room', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '8');
    await volume(world, 'a', { nodeName: 'n1', allocation: { disk: 'local' } });
    await world.pod('first', '1', { spec: { nodeName: 'n1' } });
    await claiming(world, 'p', 'a');
    world.start();
    await world.clock.advance(1_000);
    expect(await world.nodeOf('p')).toBeUndefined();
    const message = await whyOf(world, 'p');
    expect(message).toContain('volume "a" lies on node n1');
    expect(message).toContain('1 Insufficient cpu');
    await world.api.delete(
      pods,
      { namespace: 'default', name: 'first' },
      { signal, gracePeriodSeconds: 0 },
    );
    await world.clock.advance(5_000);
    expect(await world.nodeOf('p')).toBe('n1');
  });

  it('wait for one that does not exist, and go on when it does', async () => {
    const world = new World();
    await world.node('n1');
    await disk(world, 'n1', '15Gi');
    await claiming(world, 'p', 'a');
    world.start();
    await world.clock.advance(1_000);
    expect(await whyOf(world, 'p')).toBe('volume "a" does not exist');
    await volume(world, 'a');
    await world.clock.advance(5_000);
    expect(await world.nodeOf('p')).toBe('n1');
  });

  it('wait while another holds it, of the same batch too, until that lets go', async () => {
    const world = new World();
    await world.node('n1');
    await disk(world, 'n1', '15Gi');
    await volume(world, 'a');
    await claiming(world, 'p', 'a');
    await claiming(world, 'q', 'a');
    world.start();
    await world.clock.advance(1_000);
    expect(await world.bound()).toEqual({ p: 'n1', q: undefined });
    expect(await whyOf(world, 'q')).toBe('volume "a" is held by Pod "p": one at a time uses it');
    await setHolder(world, 'a');
    await world.clock.advance(5_000);
    expect(await world.nodeOf('q')).toBe('n1');
  });

  it('count against their disks also when nobody uses them, and no longer when they are gone', async () => {
    const world = new World();
    await world.node('n1');
    await disk(world, 'n1', '15Gi', { writeIOPS: 100 });
    await volume(world, 'old', { nodeName: 'n1', allocation: { disk: 'local' } });
    await volume(world, 'a');
    await claiming(world, 'p', 'a');
    await volume(world, 'fast', { size: '1Gi', requests: { writeIOPS: 200 } });
    await claiming(world, 'q', 'fast');
    world.start();
    await world.clock.advance(1_000);
    expect(await whyOf(world, 'p')).toContain(
      'Insufficient disk of class local (asked 10Gi, at most 5Gi free on n1)',
    );
    expect(await whyOf(world, 'q')).toContain('Insufficient writeIOPS on disks of class local');
    await world.api.delete(volumes, { namespace: 'default', name: 'old' }, { signal });
    await world.clock.advance(5_000);
    expect(await world.nodeOf('p')).toBe('n1');
  });

  it('give the disk back when they could not be bound', async () => {
    const world = new World();
    await world.node('n1');
    await disk(world, 'n1', '15Gi');
    await volume(world, 'a');
    await volume(world, 'b');
    const p = await claiming(world, 'p', 'a');
    let failed = false;
    world.api.beforeBinding = async () => {
      if (failed) return;
      failed = true;
      await world.api.delete(pods, { namespace: 'default', name: 'p' }, { signal });
    };
    world.start();
    await world.clock.advance(1_000);
    await claiming(world, 'q', 'b');
    await world.clock.advance(5_000);
    expect(p.metadata.uid).toBeDefined();
    expect(await world.nodeOf('q')).toBe('n1');
    await expect(world.get(pods, 'p')).rejects.toThrow(StatusError);
  });

  it('are tied by what their Volumes are made from', async () => {
    const world = new World();
    for (const name of ['n1', 'n2']) {
      await world.node(name);
      await disk(world, name, '100Gi');
    }
    await volume(world, 'copy', { source: { volume: 'origin' } });
    await claiming(world, 'p', 'copy');
    world.start();
    await world.clock.advance(1_000);
    const which = 'volume "copy" is made from volume "origin", which';
    expect(await whyOf(world, 'p')).toBe(`${which} does not exist`);
    await volume(world, 'origin');
    await world.clock.advance(5_000);
    expect(await whyOf(world, 'p')).toBe(`${which} has no node yet`);
    await claiming(world, 'q', 'origin');
    await world.clock.advance(10_000);
    expect(await world.bound()).toEqual({ p: 'n1', q: 'n1' });
  });

  it('go where the snapshot lies that theirs is made from, which counts on its disk', async () => {
    const world = new World();
    for (const name of ['n1', 'n2']) {
      await world.node(name, name === 'n1' ? '8' : '4');
      await disk(world, name, '25Gi');
    }
    await volume(world, 'copy', { source: { snapshot: 'before' } });
    await claiming(world, 'p', 'copy');
    world.start();
    await world.clock.advance(1_000);
    const which = 'volume "copy" is made from snapshot "before", which';
    expect(await whyOf(world, 'p')).toBe(`${which} does not exist`);
    const place = {
      nodeName: 'n2',
      allocation: { disk: 'local', size: '8Gi', volumeUID: 'gone' },
    };
    const made = await world.api.create<VolumeSnapshot>(
      volumeSnapshots,
      {
        apiVersion: 'berth.dev/v1',
        kind: 'VolumeSnapshot',
        metadata: { namespace: 'default', name: 'before' },
        spec: { volume: 'origin', ...place },
        status: { message: 'disk full' },
      },
      { signal },
    );
    await world.api.update(
      volumeSnapshots,
      { ...made, status: { message: 'disk full' } },
      { signal, subresource: 'status' },
    );
    await world.clock.advance(5_000);
    expect(await whyOf(world, 'p')).toBe(`${which} is not taken: disk full`);
    const now = await world.get<VolumeSnapshot>(volumeSnapshots, 'before');
    // Its Volume had grown until it was taken.
    const status = { readyToUse: true, restoreSize: '10Gi' };
    await world.api.update(volumeSnapshots, { ...now, status }, { signal, subresource: 'status' });
    await world.clock.advance(5_000);
    expect(await world.nodeOf('p')).toBe('n2');
    // 25Gi, of which a snapshot and a Volume have 10 each.
    await volume(world, 'other', { nodeName: 'n2' });
    await claiming(world, 'q', 'other');
    await world.clock.advance(5_000);
    expect(await whyOf(world, 'q')).toContain('asked 10Gi, at most 5Gi free on n2');
    await world.api.delete(volumeSnapshots, { namespace: 'default', name: 'before' }, { signal });
    await world.clock.advance(10_000);
    expect(await world.nodeOf('q')).toBe('n2');
  });

  it('that claim Volumes of two nodes are told so', async () => {
    const world = new World();
    await world.node('n1');
    const on = (nodeName: string) => ({ nodeName, allocation: { disk: 'local' } });
    await volume(world, 'a', on('n1'));
    await volume(world, 'b', on('n2'));
    await claiming(world, 'p', 'a', 'b');
    world.start();
    await world.clock.advance(1_000);
    expect(await whyOf(world, 'p')).toBe(
      'volume "a" lies on node n1 and volume "b" lies on node n2: no node has both',
    );
  });

  it('get a place for what they claim on the node that they have already', async () => {
    const world = new World();
    await world.node('n1');
    await world.node('n2');
    await disk(world, 'n1', '15Gi');
    await disk(world, 'n2', '100Gi');
    await volume(world, 'a');
    await volume(world, 'b');
    const claims = ['a', 'b'].map((claimName) => ({
      name: claimName,
      persistentVolumeClaim: { claimName },
    }));
    const placed = await world.pod('p', '1', { spec: { nodeName: 'n1', volumes: claims } });
    world.start();
    await world.clock.advance(5_000);
    const [a, b] = [await world.get<Volume>(volumes, 'a'), await world.get<Volume>(volumes, 'b')];
    expect(a.spec).toMatchObject({ nodeName: 'n1', allocation: { disk: 'local' } });
    expect(a.status?.holder).toEqual({ kind: 'Pod', name: 'p', uid: placed.metadata.uid });
    expect(b.spec.nodeName).toBeUndefined();
    const waits = async () =>
      (await world.get<Pod>(pods, 'p')).status?.conditions?.find(
        ({ type }) => type === 'VolumesBound',
      );
    expect(await waits()).toMatchObject({
      status: 'False',
      reason: 'VolumeUnavailable',
      message:
        'volume "b" gets no place on node n1, where the pod is: Insufficient disk of class local ' +
        '(asked 10Gi, 5Gi free); make room there, or take a smaller volume or another class',
    });
    // Whoever has no node yet goes where there is room, and what is there counts.
    await volume(world, 'c');
    await claiming(world, 'q', 'c');
    await world.clock.advance(5_000);
    expect(await world.nodeOf('q')).toBe('n2');
    await disk(world, 'n1', '25Gi');
    await world.clock.advance(5_000);
    expect((await world.get<Volume>(volumes, 'b')).spec.nodeName).toBe('n1');
    expect(await waits()).toBeUndefined();
  });

  it('that have a node are told of Volumes that they cannot have there', async () => {
    const world = new World();
    await world.node('n1');
    await disk(world, 'n1', '15Gi');
    await volume(world, 'a', { nodeName: 'n2', allocation: { disk: 'local' } });
    const volumesOfPod = ['a', 'none'].map((claimName) => ({
      name: claimName,
      persistentVolumeClaim: { claimName },
    }));
    await world.pod('p', '1', { spec: { nodeName: 'n1', volumes: volumesOfPod } });
    world.start();
    await world.clock.advance(5_000);
    const told = (await world.get<Pod>(pods, 'p')).status?.conditions?.map(
      ({ message }) => message,
    );
    expect(told).toEqual([
      'volume "a" lies on node n2, and the pod is on n1: take another volume; ' +
        'volume "none" does not exist',
    ]);
    expect(world.api.requests).toEqual([]);
  });
});
