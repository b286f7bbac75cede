import { describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.ts';
import type { PlacementRequest, StrategyName } from '../engine/request.ts';
import { Snapshot } from '../engine/snapshot.ts';
import { node, request } from '../engine/testing.ts';

interface Case {
  /** By node n0, n1 …: how many more fit, and how many of the owner are there. */
  readonly capacities: readonly number[];
  readonly counts: readonly number[];
  readonly need: number;
  readonly maxPerNode?: number;
}

/** Nodes that have room for exactly the given numbers; returns the counts afterwards, or `refused`. */
function countsAfter(strategy: StrategyName, given: Case): readonly number[] | 'refused' {
  const { capacities, counts, need, maxPerNode } = given;
  const engine = new Engine(new Snapshot());
  for (const [i, capacity] of capacities.entries()) {
    const count = counts[i] ?? 0;
    engine.snapshot.upsertNode(node(`n${i}`, { cpu: capacity, pods: 0 }));
    // What is there is counted but takes nothing, so that all nodes are equally used, as in the tables.
    for (let k = 0; k < count; k += 1) {
      const old = { ...instance(`old-${i}-${k}`, strategy, maxPerNode), amounts: [] };
      engine.snapshot.assume(old, `n${i}`, {});
    }
  }
  const requests = Array.from({ length: need }, (_, i) =>
    instance(`new-${i}`, strategy, maxPerNode),
  );
  if (engine.scheduleBatch(requests).some(({ type }) => type === 'refused')) return 'refused';
  return capacities.map((_, i) => {
    const index = engine.snapshot.indexOf(`n${i}`) ?? -1;
    return engine.snapshot.ownerCounts('o')?.get(index) ?? 0;
  });
}

function instance(
  uid: string,
  strategy: StrategyName,
  maxPerNode: number | undefined,
): PlacementRequest {
  return request(uid, { cpu: 1, pods: 0 }, { owner: 'o', strategy, maxPerNode });
}

const sorted = (counts: readonly number[] | 'refused') =>
  counts === 'refused' ? counts : [...counts].sort((a, b) => a - b);

const four = { capacities: [10, 10, 10, 10], counts: [2, 3, 5, 7] };

describe('Spread', () => {
  it.each([
    [1, [3, 3, 5, 7]],
    [2, [3, 4, 5, 7]],
    [3, [4, 4, 5, 7]],
    [4, [4, 5, 5, 7]],
    [29, [11, 11, 12, 12]],
    [37, [12, 13, 14, 15]],
    [40, [12, 13, 15, 17]],
    [41, 'refused'],
  ])('evens out: %i more', (need, expected) => {
    expect(sorted(countsAfter('Spread', { ...four, need }))).toEqual(expected);
  });

  it('keeps to the most per node', () => {
    const given = { capacities: [3, 4, 5, 10], counts: [3, 5, 7, 10], need: 3 };
    expect(countsAfter('Spread', { ...given, maxPerNode: 5 })).toBe('refused');
    expect(countsAfter('Spread', { ...given, maxPerNode: 6 })).toEqual([5, 6, 7, 10]);
  });

  it('takes the least used among equals, and the first by name among those', () => {
    const engine = new Engine(new Snapshot());
    for (const name of ['c', 'b', 'a', 'd']) engine.snapshot.upsertNode(node(name));
    engine.snapshot.assume(request('other'), 'a', {});
    const decisions = engine.scheduleBatch(
      Array.from({ length: 5 }, (_, i) => request(`p${i}`, { cpu: 1000 }, { owner: 'o' })),
    );
    expect(decisions.map((d) => d.type === 'placed' && d.node)).toEqual(['b', 'c', 'd', 'a', 'b']);
  });
});

describe('Pack', () => {
  it('fills one node before the next', () => {
    expect(countsAfter('Pack', { capacities: [4, 3, 4], counts: [0, 1, 0], need: 6 })).toEqual([
      3, 4, 0,
    ]);
  });

  it('takes the node that is fullest afterwards, over all dimensions asked for', () => {
    const engine = new Engine(new Snapshot());
    engine.snapshot.upsertNode(node('big', { cpu: 8000, memory: 8000 }));
    engine.snapshot.upsertNode(node('small', { cpu: 2000, memory: 2000 }));
    engine.snapshot.upsertNode(node('tiny', { cpu: 500, memory: 9000 }));
    const decide = (cpu: number) =>
      engine.schedule(request('p', { cpu, memory: 100 }, { strategy: 'Pack' }));
    expect(decide(1000)).toMatchObject({ node: 'small' });
    expect(decide(500)).toMatchObject({ node: 'tiny' });
    expect(decide(3000)).toMatchObject({ node: 'big' });
  });
});

describe('Drained', () => {
  it.each([
    [1, [2, 3, 5, 8]],
    [2, [2, 3, 5, 9]],
    [3, [2, 3, 5, 10]],
    [10, [2, 5, 5, 15]],
    [25, [10, 5, 12, 15].sort((a, b) => a - b)],
    [29, [7, 12, 12, 15]],
    [37, [12, 12, 15, 15]],
  ])('empties the node with the least room first: %i more', (need, expected) => {
    const given = { capacities: [10, 9, 10, 8], counts: [2, 3, 5, 7] };
    const counts = countsAfter('Drained', { ...given, need });
    expect(sorted(counts)).toEqual(sorted(expected));
  });

  it('takes a smaller node before a busier one', () => {
    expect(countsAfter('Drained', { capacities: [3, 8], counts: [0, 5], need: 5 })).toEqual([3, 7]);
  });
});

describe('Global', () => {
  it('levels the use of all nodes, whoever uses them', () => {
    const engine = new Engine(new Snapshot());
    for (const [name, used] of [
      ['n1', 800],
      ['n2', 500],
      ['n3', 900],
    ] as const) {
      engine.snapshot.upsertNode(node(name, { cpu: 1000, pods: 0 }));
      engine.snapshot.assume(request(`${name}-old`, { cpu: used, pods: 0 }), name, {});
    }
    const decisions = engine.scheduleBatch(
      Array.from({ length: 4 }, (_, i) =>
        request(`p${i}`, { cpu: 120, pods: 0 }, { strategy: 'Global', owner: 'o' }),
      ),
    );
    expect(decisions.map((d) => (d.type === 'placed' ? d.node : d.type))).toEqual([
      'n2',
      'n2',
      'n2',
      'n1',
    ]);
  });
});

describe('soft taints', () => {
  it.each(['Spread', 'Pack', 'Global', 'Drained'] as const)('come before %s', (strategy) => {
    const engine = new Engine(new Snapshot());
    const taints = [{ key: 'k', value: '', effect: 'PreferNoSchedule' as const }];
    engine.snapshot.upsertNode(node('liked', { cpu: 1000 }));
    engine.snapshot.upsertNode(node('disliked', { cpu: 1000 }, { traits: { taints } }));
    const decisions = engine.scheduleBatch(
      Array.from({ length: 3 }, (_, i) => request(`p${i}`, { cpu: 500 }, { strategy, owner: 'o' })),
    );
    expect(decisions.map((d) => d.type === 'placed' && d.node)).toEqual([
      'liked',
      'liked',
      'disliked',
    ]);
  });
});
