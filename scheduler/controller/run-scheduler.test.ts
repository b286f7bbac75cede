import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Pod, Workload } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { leases, namespaces, nodes, pods, workloads } from '../../api/resources.gen.ts';
import { conflict, StatusError } from '../../api/status.ts';
import { stopWorlds, World } from './scheduler-world.ts';

const signal = new AbortController().signal;

afterEach(stopWorlds);
describe('the scheduler', () => {
  it('binds pods with one write, in its term, and says so', async () => {
    const world = new World();
    await world.node('n1');
    await world.node('n2');
    await world.pod('a', '1');
    await world.pod('b', '1');
    world.start();
    await world.clock.advance(10);
    expect(await world.bound()).toEqual({ a: 'n1', b: 'n2' });
    expect(world.api.requests).toHaveLength(1);
    expect(world.api.requests[0]?.lease).toEqual({
      namespace: 'kube-system',
      name: 'berth-scheduler',
      holderIdentity: 'one',
      leaseTransitions: 0,
    });
    expect(await world.eventReasons('a')).toEqual(['Scheduled']);
  });

  it('lets others have their turns while it decides on many', async () => {
    /** How many turns of the event loop pass until the first binding, with a clock that moves so much at each look. */
    const turnsUntilBound = async (msPerLook: number) => {
      const world = new World();
      const now = world.clock.now.bind(world.clock);
      let looks = 0;
      world.clock.now = () => now() + msPerLook * looks++;
      await world.node('n1', '100');
      for (let i = 1; i <= 60; i += 1) await world.pod(`p${i}`, `${i}m`);
      let turns = 0;
      let isBound = false;
      world.api.beforeBinding = () => {
        isBound = true;
      };
      world.start();
      for (; !isBound; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(world.api.requests[0]?.items).toHaveLength(60);
      return turns;
    };
    const atOnce = await turnsUntilBound(0);
    // Every fifth look at the clock ends a turn, and there is a look for each pod: as it is read and as it is decided.
    expect(await turnsUntilBound(1)).toBeGreaterThan(atOnce + 15);
  });

  it('decides by priority, then by age', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.pod('old', '1');
    await world.clock.advance(2000);
    await world.pod('important', '1', { spec: { priority: 10 } });
    world.start();
    await world.clock.advance(10);
    expect(await world.bound()).toEqual({ old: undefined, important: 'n1' });
  });

  it('says why a pod waits, once, and binds it when a node comes', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.pod('big', '3');
    world.start();
    await world.clock.advance(10);
    const message =
      '0/1 nodes are available: 1 Insufficient cpu (asked 3, at most 1 free on n1). ' +
      'Nearest: lower cpu by 2, since node n1 has 1 in all.';
    const { status } = await world.get<Pod>(pods, 'big');
    expect(status?.conditions).toMatchObject([
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
    ]);
    expect(await world.eventReasons('big')).toEqual(['FailedScheduling']);
    const patches = () =>
      world.api.calls.filter((c) => c.verb === 'patch' && c.key === 'default/big');
    await world.clock.advance(200_000);
    expect(patches()).toHaveLength(1);
    await world.node('n2', '8');
    await world.clock.advance(5_000);
    expect(await world.nodeOf('big')).toBe('n2');
  });

  it('keeps other conditions when it writes its own', async () => {
    const world = new World();
    const pod = await world.pod('p', '3');
    const other = { type: 'Initialized', status: 'True' } as const;
    const status = { conditions: [other] };
    await world.api.update<Pod>(pods, { ...pod, status }, { signal, subresource: 'status' });
    world.start();
    await world.clock.advance(10);
    const after = await world.get<Pod>(pods, 'p');
    expect(after.status?.conditions).toMatchObject([
      other,
      { type: 'PodScheduled', message: 'no nodes available to schedule pods' },
    ]);
  });

  it.each<[string, (world: World, holder: Pod) => Promise<unknown>]>([
    [
      'is deleted',
      (world) =>
        world.api.delete(
          pods,
          { namespace: 'default', name: 'holder' },
          { signal, gracePeriodSeconds: 0 },
        ),
    ],
    [
      'has finished',
      (world, holder) =>
        world.api.update<Pod>(
          pods,
          { ...holder, status: { phase: 'Succeeded' } },
          { signal, subresource: 'status' },
        ),
    ],
  ])('gives room again when a pod %s', async (_, end) => {
    const world = new World();
    await world.node('n1', '1');
    await world.pod('holder', '1', { spec: { nodeName: 'n1' } });
    await world.pod('next', '1');
    world.start();
    await world.clock.advance(10);
    expect(await world.nodeOf('next')).toBeUndefined();
    await end(world, await world.get<Pod>(pods, 'holder'));
    await world.clock.advance(5_000);
    expect(await world.nodeOf('next')).toBe('n1');
  });

  it('lets a stopped pod keep its place', async () => {
    const world = new World();
    await world.node('n1', '1');
    const annotations = { 'berth.dev/running': 'false' };
    await world.pod('stopped', '1', { annotations, spec: { nodeName: 'n1' } });
    await world.pod('next', '1');
    world.start();
    await world.clock.advance(70_000);
    expect(await world.nodeOf('next')).toBeUndefined();
  });

  it('binds when a node is uncordoned', async () => {
    const world = new World();
    const node = await world.node('n1', '1', { unschedulable: true });
    await world.pod('p', '1');
    world.start();
    await world.clock.advance(10);
    expect(await world.nodeOf('p')).toBeUndefined();
    await world.api.update<Node>(nodes, { ...node, spec: {} }, { signal });
    await world.clock.advance(1_000);
    expect(await world.nodeOf('p')).toBe('n1');
  });

  it('leaves pods of other schedulers alone', async () => {
    const world = new World();
    await world.node('n1');
    await world.pod('mine', '1', { spec: { schedulerName: 'berth' } });
    await world.pod('default', '1', { spec: { schedulerName: 'default-scheduler' } });
    await world.pod('theirs', '1', { spec: { schedulerName: 'volcano' } });
    world.start();
    await world.clock.advance(10);
    expect(await world.bound()).toEqual({ mine: 'n1', default: 'n1', theirs: undefined });
  });

  it('leaves a pod alone that has scheduling gates, and binds it when the last is gone', async () => {
    const world = new World();
    await world.node('n1', '2');
    world.start();
    const gates = [{ name: 'example.com/quota' }];
    const gated = await world.pod('p', '1', { spec: { schedulingGates: gates } });
    await world.clock.advance(100_000);
    expect(world.api.requests).toEqual([]);
    const { schedulingGates: _, ...spec } = gated.spec;
    await world.api.update<Pod>(pods, { ...gated, spec }, { signal });
    await world.clock.advance(10);
    expect((await world.get<Pod>(pods, 'p')).spec.nodeName).toBe('n1');
  });

  it('reads strategy and limits from the owner, and waits until it knows it', async () => {
    const world = new World();
    await world.node('n1');
    await world.node('n2');
    const owner = (uid: string) => ({
      ownerReferences: [
        { apiVersion: 'berth.dev/v1', kind: 'Workload', name: 'web', uid, controller: true },
      ],
    });
    world.start();
    await world.clock.advance(10);
    const workload: Workload = {
      apiVersion: 'berth.dev/v1',
      kind: 'Workload',
      metadata: { namespace: 'default', name: 'web' },
      spec: {
        placement: { strategy: 'Pack', maxPerNode: 2 },
        selector: {},
        template: { spec: { containers: [{ name: 'main' }] } },
      },
    };
    const created = await world.api.create<Workload>(workloads, workload, { signal });
    const uid = created.metadata.uid ?? '';
    await world.pod('orphan', '1', owner('somebody else'));
    for (const name of ['web-0', 'web-1', 'web-2']) await world.pod(name, '1', owner(uid));
    await world.clock.advance(10);
    expect(await world.bound()).toEqual({
      orphan: undefined,
      'web-0': 'n1',
      'web-1': 'n1',
      'web-2': 'n2',
    });
    await world.clock.advance(10_000);
    const { status } = await world.get<Pod>(pods, 'orphan');
    expect(status?.conditions?.[0]?.message).toBe('Workload "web" of this pod is not known');
  });

  it('never gives the same room twice while the first binding is under way', async () => {
    const world = new World();
    await world.node('n1', '1');
    world.start();
    await world.clock.advance(10);
    world.api.pauseDelivery();
    await world.pod('a', '1');
    await world.pod('b', '1');
    world.api.resumeDelivery();
    await world.clock.advance(10_000);
    const where = Object.values(await world.bound());
    expect(where.filter((name) => name === 'n1')).toHaveLength(1);
  });

  it('sends the same bindings again when no answer came, and believes the cluster then', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.pod('a', '1');
    let lost = 0;
    world.api.afterBinding = () => {
      if (lost > 0) return;
      lost += 1;
      throw new StatusError(503, 'ServiceUnavailable', 'connection lost');
    };
    world.start();
    await world.clock.advance(5_000);
    await world.pod('b', '1');
    await world.clock.advance(5_000);
    expect(await world.bound()).toEqual({ a: 'n1', b: undefined });
    expect(world.api.requests).toHaveLength(2);
    expect(world.api.requests[1]).toEqual(world.api.requests[0]);
  });

  it('decides anew after a conflict', async () => {
    const world = new World();
    await world.node('n1', '1');
    await world.node('n2', '1');
    const taken = await world.pod('a', '1');
    let once = 0;
    world.api.beforeBinding = async () => {
      once += 1;
      if (once > 1) return;
      // Somebody binds it by hand meanwhile.
      await world.api.update<Pod>(
        pods,
        { ...taken, spec: { ...taken.spec, nodeName: 'n2' } },
        { signal },
      );
    };
    world.start();
    await world.clock.advance(1_000);
    await world.pod('b', '1');
    await world.pod('c', '1');
    await world.clock.advance(10_000);
    expect(await world.bound()).toEqual({ a: 'n2', b: 'n1', c: undefined });
  });

  it('does not give away what a conflicting pod holds, though its cache does not know', async () => {
    const world = new World();
    await world.node('n1', '1');
    const first = await world.pod('a', '1');
    let once = 0;
    world.api.beforeBinding = async () => {
      once += 1;
      if (once > 1) return;
      world.api.pauseDelivery();
      const spec = { ...first.spec, nodeName: 'n1' };
      await world.api.update<Pod>(pods, { ...first, spec }, { signal });
    };
    await world.pod('c', '1');
    world.start();
    await world.clock.advance(20_000);
    expect(await world.bound()).toEqual({ a: 'n1', c: undefined });
    expect(world.api.requests).toHaveLength(1);
  });

  it('cannot bind any more when its term is over, and takes office again', async () => {
    const world = new World();
    await world.node('n1');
    await world.pod('a', '1');
    let refused = 0;
    world.api.beforeBinding = () => {
      if (refused > 0) return;
      refused += 1;
      throw conflict(leases, 'berth-scheduler', 'the term is over');
    };
    world.start();
    await world.clock.advance(10);
    expect(await world.nodeOf('a')).toBeUndefined();
    await world.clock.advance(10_000);
    expect(await world.nodeOf('a')).toBe('n1');
    const transitions = world.api.requests.map(({ lease }) => lease.leaseTransitions);
    expect(transitions).toEqual([0, 1]);
  });

  it('lets only one of two decide, and the other when the first is gone', async () => {
    const world = new World();
    await world.node('n1', '2');
    const first = world.start('one');
    await world.clock.advance(10);
    world.start('two');
    await world.pod('a', '1');
    await world.clock.advance(10_000);
    await first.stop();
    await world.pod('b', '1');
    await world.pod('c', '1');
    await world.clock.advance(30_000);
    expect(world.api.requests.map(({ lease }) => lease.holderIdentity)).toEqual(['one', 'two']);
    const where = Object.values(await world.bound());
    expect(where.filter((name) => name === 'n1')).toHaveLength(2);
  });

  it('tries a pod again when one that it wants to be near has a node', async () => {
    const world = new World();
    await world.node('n1');
    const selector = { topologyKey: 'host', labelSelector: { matchLabels: { app: 'db' } } };
    const near = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [selector] } };
    const [node] = (await world.api.list<Node>(nodes, { signal })).items;
    const labels = { host: 'n1' };
    if (node !== undefined) {
      const labelled = { ...node, metadata: { ...node.metadata, labels } };
      await world.api.update<Node>(nodes, labelled, { signal });
    }
    await world.pod('web', '1', { spec: { affinity: near } });
    world.start();
    await world.clock.advance(1_000);
    expect(await world.nodeOf('web')).toBeUndefined();
    await world.pod('db', '1', { labels: { app: 'db' } });
    await world.clock.advance(1_000);
    expect(await world.nodeOf('web')).toBe('n1');
  });

  it('looks for pods in namespaces by their labels', async () => {
    const world = new World();
    await world.node('n1');
    await world.node('n2');
    const far = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'host',
            labelSelector: { matchLabels: { app: 'db' } },
            namespaceSelector: { matchLabels: { team: 'a' } },
          },
        ],
      },
    };
    for (const node of (await world.api.list<Node>(nodes, { signal })).items) {
      const labelled = { ...node, metadata: { ...node.metadata, labels: { host: 'same' } } };
      await world.api.update<Node>(nodes, labelled, { signal });
    }
    const namespace: KubeObject = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'default', labels: { team: 'a' } },
    };
    const created = await world.api.create(namespaces, namespace, { signal });
    await world.pod('db', '1', { labels: { app: 'db' } });
    world.start();
    await world.clock.advance(1_000);
    await world.pod('web', '1', { spec: { affinity: far } });
    await world.clock.advance(1_000);
    expect(await world.nodeOf('web')).toBeUndefined();
    const metadata = { ...created.metadata, labels: { team: 'b' } };
    await world.api.update(namespaces, { ...created, metadata }, { signal });
    await world.clock.advance(1_000);
    expect(await world.nodeOf('web')).toBe('n2');
  });

  it('binds more than one request holds', async () => {
    const world = new World();
    await world.node('n1', '1000');
    await world.node('n2', '1000');
    await world.node('n3', '1000');
    for (let i = 0; i < 300; i += 1) await world.pod(`p${i}`, '1');
    world.start();
    await world.clock.advance(100);
    const where = Object.values(await world.bound());
    expect(where.filter((name) => name === undefined)).toHaveLength(0);
    expect(world.api.requests.map(({ items }) => items.length)).toEqual([256, 44]);
  });

  it('hears of what happens while it decides about many that are alike', async () => {
    for (let turns = 0; turns < 16; turns += 1) {
      const world = new World();
      await world.node('n1', '10');
      for (let i = 0; i < 12; i += 1) await world.pod(`p${i}`, '1');
      // Each look at the clock ends a turn.
      const now = world.clock.now.bind(world.clock);
      let looks = 0;
      world.clock.now = () => now() + 5 * looks++;
      world.start();
      for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
      const key = { namespace: 'default', name: 'p0' };
      await world.api.delete(pods, key, { signal, gracePeriodSeconds: 0 });
      world.clock.now = now;
      await world.clock.advance(10_000);
      const where = Object.values(await world.bound());
      // Nothing is held for the one that went.
      const count = where.filter((node) => node === 'n1').length;
      expect(count, `after ${turns} turns`).toBe(10);
    }
  });
});
