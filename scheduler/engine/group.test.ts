import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distribute } from '../strategies/distribute.ts';
import { Engine } from './engine.ts';
import { messageOf } from './reasons.ts';
import type { Layout, PlacementRequest } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { dimensions, node, request } from './testing.ts';

/** Nodes n0, n1, … with room for so many instances of 1000 each. */
function cluster(rooms: readonly number[]): Engine {
  const engine = new Engine(new Snapshot(dimensions));
  for (const [i, room] of rooms.entries()) {
    engine.snapshot.upsertNode(node(`n${i}`, { cpu: 1000 * room + 500 }));
  }
  return engine;
}

function group(
  count: number,
  strategy: 'Each' | 'Fill',
  layout: Layout,
  first = 0,
  more: Parameters<typeof request>[2] = {},
): readonly PlacementRequest[] {
  return Array.from({ length: count }, (_, i) =>
    request(`p${first + i}`, { cpu: 1000 }, { owner: 'o', strategy, layout, ...more }),
  );
}

function decided(engine: Engine, requests: readonly PlacementRequest[]): readonly string[] {
  return engine
    .scheduleBatch(requests)
    .map((each) => (each.type === 'placed' ? each.node : messageOf(each.reasons)));
}

describe('Each', () => {
  it('puts so many on each node', () => {
    const nodes = decided(cluster([2, 3, 4]), group(6, 'Each', { perNode: 2 }));
    expect(nodes).toEqual(['n2', 'n2', 'n1', 'n1', 'n0', 'n0']);
  });

  it('takes the nodes with the most room where not all are asked for', () => {
    const nodes = decided(cluster([2, 5, 4]), group(2, 'Each', { perNode: 1, nodes: 2 }));
    expect(nodes).toEqual(['n1', 'n2']);
  });

  it('places none where not all nodes have room', () => {
    const engine = cluster([2, 0, 4]);
    const [why, ...others] = decided(engine, group(3, 'Each', { perNode: 1 }));
    expect(why).toBe(
      'strategy Each: 2 of 3 nodes have room for 1, 3 are needed: ' +
        '1 Insufficient cpu (asked 1, at most 0.5 free on n1).',
    );
    expect(others).toEqual([why, why]);
    expect([...engine.snapshot.placed()]).toEqual([]);
  });

  it('passes over nodes that its rules exclude', () => {
    const engine = cluster([2, 2]);
    engine.snapshot.upsertNode(node('down', undefined, { traits: { ready: 'False' } }));
    engine.snapshot.upsertNode(node('cordoned', undefined, { traits: { unschedulable: true } }));
    expect(decided(engine, group(2, 'Each', { perNode: 1 }))).toEqual(['n0', 'n1']);
  });

  it('mends what was lost, whatever becomes of the other nodes', () => {
    const engine = cluster([1, 1, 1]);
    decided(engine, group(3, 'Each', { perNode: 1 }));
    engine.snapshot.release('p1');
    engine.snapshot.upsertNode(node('full', { cpu: 0 }));
    expect(decided(engine, group(2, 'Each', { perNode: 1 }, 3))).toEqual([
      'n1',
      expect.stringContaining('the nodes that can have any have 1 each'),
    ]);
  });

  it('goes to a node that comes later', () => {
    const engine = cluster([1, 1]);
    decided(engine, group(2, 'Each', { perNode: 1 }));
    engine.snapshot.upsertNode(node('n2'));
    expect(decided(engine, group(1, 'Each', { perNode: 1 }, 2))).toEqual(['n2']);
  });

  it('places none where rules between them leave too few nodes', () => {
    const engine = cluster([4, 4]);
    const selectors = [{ namespaces: ['x'], labels: [] }];
    const away = [{ selectors, topologyKey: 'zone' }];
    for (const name of ['n0', 'n1']) {
      engine.snapshot.upsertNode(node(name, undefined, { labels: { zone: 'z' } }));
    }
    const peer = { namespace: 'x', labels: {} };
    const peerRules = { near: [], away, wishes: [], spread: [] };
    const [why] = decided(engine, group(2, 'Each', { perNode: 1 }, 0, { peer, peerRules }));
    expect(why).toBe('strategy Each: rules between instances leave too few nodes');
    expect([...engine.snapshot.placed()]).toEqual([]);
  });

  it('asked for a single one, changes nothing', () => {
    const engine = cluster([1, 1]);
    const [one] = group(1, 'Each', { perNode: 1 });
    expect(one && engine.schedule(one)).toMatchObject({ type: 'placed', node: 'n0' });
    expect([...engine.snapshot.placed()]).toEqual([]);
  });
});

describe('Fill', () => {
  it('raises the nodes that have the most already', () => {
    const engine = cluster([4, 4, 4]);
    const [a, b] = group(2, 'Fill', { perNode: 1, nodes: 1 }, 10);
    if (a !== undefined) engine.snapshot.assume(a, 'n1', {});
    if (b !== undefined) engine.snapshot.assume(b, 'n1', {});
    const nodes = decided(engine, group(4, 'Fill', { perNode: 3, nodes: 2 }));
    expect(nodes).toEqual(['n1', 'n0', 'n0', 'n0']);
  });
});

describe('a layout', () => {
  it('is decided in parts, between which nodes go and others place what was asked for', () => {
    const count = 600;
    const engine = cluster(new Array(count).fill(2));
    const { snapshot } = engine;
    const requests = group(count, 'Each', { perNode: 1 });
    const deciding = engine.scheduleGroup(requests, { perNode: 1 });
    const pauses: string[] = [];
    let part = deciding.next();
    for (; part.done !== true; part = deciding.next()) {
      // While nodes are counted, and later while instances are placed.
      snapshot.removeNode(`n${pauses.length}`);
      const [last = request('none')] = requests.slice(-1 - pauses.length);
      snapshot.assume(last, 'n300', {});
      pauses.push(last.uid);
    }
    expect(pauses.length).toBeGreaterThan(4);
    const decisions = part.value;
    const on = (uid: string) => decisions[requests.findIndex((each) => each.uid === uid)];
    for (const uid of pauses) expect(on(uid)).toMatchObject({ type: 'placed', node: 'n300' });
    expect(decisions.length).toBe(count);
    const nodes: string[] = [];
    for (const [i, { uid }] of requests.entries()) {
      const decision = decisions[i];
      const node = decision?.type === 'placed' ? decision.node : undefined;
      expect(snapshot.nodeOf(uid)).toBe(node);
      if (node !== undefined && node !== 'n300') nodes.push(node);
    }
    // Some have gone, and nobody takes a place twice.
    expect(nodes.length).toBeGreaterThan(count - 30);
    expect(new Set(nodes).size).toBe(nodes.length);
  });

  it('is refused in the end where it is impossible, however much changes in the pauses', () => {
    const engine = new Engine(new Snapshot(dimensions));
    const { snapshot } = engine;
    for (const name of ['a', 'b']) {
      snapshot.upsertNode(node(name, { cpu: 4000 }, { labels: { zone: 'z' } }));
    }
    const labels = [{ key: 'app', operator: 'in' as const, values: ['x'] }];
    const apart = { selectors: [{ namespaces: ['default'], labels }], topologyKey: 'zone' };
    const requests = group(2, 'Each', { perNode: 1 }, 0, {
      peer: { namespace: 'default', labels: { app: 'x' } },
      peerRules: { near: [], away: [apart], wishes: [], spread: [] },
    });
    const deciding = engine.scheduleGroup(requests, { perNode: 1 });
    let part = deciding.next();
    for (let i = 0; part.done !== true && i < 100; i += 1) {
      snapshot.assume(request('other', { cpu: 1 + i }), 'a', {});
      part = deciding.next();
    }
    expect(part.value?.map(({ type }) => type)).toEqual(['refused', 'refused']);
  });

  it('is what the distribution of Eru says, where nothing was placed before', () => {
    const rooms = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 });
    const layout = fc.record({
      perNode: fc.integer({ min: 1, max: 4 }),
      nodes: fc.option(fc.integer({ min: 1, max: 5 }), { nil: 0 }),
    });
    const strategy = fc.constantFrom('Each' as const, 'Fill' as const);
    fc.assert(
      fc.property(rooms, layout, strategy, (room, { perNode, nodes }, name) => {
        const engine = cluster(room);
        const candidates = room.map((capacity) => ({ capacity, count: 0, usage: 0, rate: 0 }));
        const expected = distribute(name, candidates, { need: perNode, limit: nodes });
        const count = perNode * (nodes || room.length);
        const asked = { perNode, ...(nodes === 0 ? {} : { nodes }) };
        const names = decided(engine, group(count, name, asked));
        const got = room.map((_, i) => names.filter((each) => each === `n${i}`).length);
        expect(got).toEqual(
          expected.type === 'distributed' ? expected.replicas : room.map(() => 0),
        );
      }),
    );
  });
});
