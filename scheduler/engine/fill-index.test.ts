import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from './engine.ts';
import type { NodeRecord, PlacementRequest, Taint } from './request.ts';
import { Snapshot } from './snapshot.ts';
import { naive, node, request, seen } from './testing.ts';

const soft: Taint = { key: 'k', value: 'v', effect: 'PreferNoSchedule' };

const nodes: fc.Arbitrary<NodeRecord> = fc
  .record({
    number: fc.integer({ min: 0, max: 199 }),
    // Some capacities differ by little, so that they are of one kind.
    cpu: fc.constantFrom(0, 8000, 8001, 8010, 16_000),
    memory: fc.constantFrom(4096, 4097, 9000),
    gpu: fc.constantFrom(0, 0, 4),
    taints: fc.constantFrom([], [], [soft]),
    unschedulable: fc.constantFrom(false, false, false, true),
  })
  .map(({ number, cpu, memory, gpu, ...traits }) =>
    node(`n${number}`, { cpu, memory, 'example.com/gpu': gpu, pods: 6 }, { traits }),
  );

const requests: fc.Arbitrary<PlacementRequest> = fc
  .record({
    uid: fc.integer({ min: 0, max: 400 }).map(String),
    cpu: fc.constantFrom(0, 1, 500, 1000, 3000, 8000),
    memory: fc.constantFrom(0, 100, 1000, 4096),
    gpu: fc.constantFrom(0, 0, 1, 2),
    owner: fc.constantFrom('a', 'b', undefined),
    strategy: fc.constantFrom('Spread', 'Pack', 'Global'),
    maxPerNode: fc.constantFrom(undefined, undefined, 1, 2),
  })
  .map(({ uid, cpu, memory, gpu, ...more }) =>
    request(uid, { cpu, memory, 'example.com/gpu': gpu }, more),
  );

type Step =
  | { readonly type: 'upsert'; readonly record: NodeRecord }
  | { readonly type: 'remove'; readonly number: number }
  | { readonly type: 'force'; readonly request: PlacementRequest; readonly number: number }
  | { readonly type: 'place'; readonly request: PlacementRequest }
  | { readonly type: 'prepare'; readonly request: PlacementRequest }
  | { readonly type: 'release'; readonly uid: string };

const number = fc.integer({ min: 0, max: 199 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('upsert' as const), record: nodes }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), number }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('force' as const), request: requests, number }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('place' as const), request: requests }) },
  // An order is built in parts, and nodes change meanwhile.
  { weight: 4, arbitrary: fc.record({ type: fc.constant('prepare' as const), request: requests }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('release' as const),
      uid: fc.integer({ min: 0, max: 400 }).map(String),
    }),
  },
);

/** Returns how many were placed. */
function play(records: readonly NodeRecord[], steps: readonly Step[]): number {
  const engine = new Engine(new Snapshot());
  const { snapshot } = engine;
  let placed = 0;
  for (const record of records) snapshot.upsertNode(record);
  for (const next of steps) {
    switch (next.type) {
      case 'upsert':
        snapshot.upsertNode(next.record);
        break;
      case 'remove':
        snapshot.removeNode(`n${next.number}`);
        break;
      case 'force':
        snapshot.assume(next.request, `n${next.number}`, {});
        break;
      case 'release':
        snapshot.release(next.uid);
        break;
      case 'prepare':
        engine.prepare(next.request);
        break;
      case 'place': {
        const decision = engine.place(next.request);
        expect(decision?.node).toBe(naive(snapshot, next.request));
        if (decision === undefined) break;
        placed += 1;
        snapshot.assume(next.request, decision.node, decision.allocation);
      }
    }
  }
  return placed;
}

describe('the order by use', () => {
  it('decides as looking at every node does, after any events', () => {
    let placed = 0;
    fc.assert(
      fc.property(
        fc.array(nodes, { maxLength: 150 }),
        fc.array(step, { maxLength: 150 }),
        (records, steps) => {
          placed += play(records, steps);
        },
      ),
      { numRuns: 60 },
    );
    expect(placed).toBeGreaterThan(20);
  });

  it('decides so when blocks fill, split and empty', () => {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < 500; i += 1) engine.snapshot.upsertNode(node(`n${i}`, { cpu: 4000 }));
    for (let i = 0; i < 1500; i += 1) {
      const strategy = (['Global', 'Pack', 'Spread'] as const)[i % 3] ?? 'Pack';
      const asked = request(`u${i}`, { cpu: 100 * (1 + ((i * 7) % 13)) }, { strategy });
      const decision = engine.place(asked);
      expect(decision?.node).toBe(naive(engine.snapshot, asked));
      if (decision !== undefined) engine.snapshot.assume(asked, decision.node, {});
      if (i % 4 === 3) engine.snapshot.release(`u${(i * 5) % (i + 1)}`);
    }
  });

  it('is left for another index where hardly two nodes are alike', () => {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < 300; i += 1) {
      engine.snapshot.upsertNode(node(`n${i}`, { cpu: Math.round(1000 * 1.05 ** i) }));
    }
    for (let i = 0; i < 50; i += 1) {
      const asked = request(`u${i}`, { cpu: 100 * (i + 1) }, { strategy: 'Pack' });
      const decision = engine.place(asked);
      expect(decision?.node).toBe(naive(engine.snapshot, asked));
      if (decision !== undefined) engine.snapshot.assume(asked, decision.node, {});
    }
  });
});

describe('an order that was not asked for long', () => {
  const cpuOnly = (uid: string) => request(uid, { cpu: 10 }, { strategy: 'Global' });
  const both = (uid: string) => request(uid, { cpu: 10, memory: 1 }, { strategy: 'Global' });

  function engineOf(nodeCount: number): Engine {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < nodeCount; i += 1) engine.snapshot.upsertNode(nodeAt(i));
    return engine;
  }

  function nodeAt(i: number): NodeRecord {
    return node(`n${i}`, { cpu: 4000 + 1000 * (i % 3), memory: 1000, pods: 1e6 });
  }

  function placeOne(engine: Engine, asked: PlacementRequest): void {
    const decision = engine.place(asked);
    expect(decision?.node).toBe(naive(engine.snapshot, asked));
    if (decision !== undefined) engine.snapshot.assume(asked, decision.node, {});
  }

  /** That only the other order heeds. */
  function change({ snapshot }: Engine, changes: number): void {
    const nodes = snapshot.nodeCount;
    for (let i = 0; i < changes; i += 1) {
      snapshot.assume(both(`c${i % 3000}`), `n${(i * 7) % nodes}`, {});
    }
  }

  it.each([
    { what: 'a few at a time', changes: 2000, parts: 3 },
    { what: 'anew, where more changed than is known', changes: 40_000, parts: 5 },
  ])('is brought up to date in parts, $what', ({ changes, parts }) => {
    const engine = engineOf(1300);
    placeOne(engine, cpuOnly('first'));
    change(engine, changes);
    let pauses = 0;
    for (; !engine.prepare(cpuOnly('next')); pauses += 1) {
      engine.snapshot.release(`c${pauses}`);
      engine.snapshot.assume(both(`big${pauses}`), 'n3', {});
    }
    expect(pauses).toBeGreaterThanOrEqual(parts);
    for (let i = 0; i < 20; i += 1) placeOne(engine, cpuOnly(`u${i}`));
  });

  it('is so also while nodes come and go', () => {
    const engine = engineOf(1300);
    for (const changes of [700, 2000, 3000, 20_000]) {
      placeOne(engine, cpuOnly(`first${changes}`));
      change(engine, changes);
      for (let i = 0; !engine.prepare(cpuOnly('next')); i += 1) {
        engine.snapshot.removeNode(`n${(changes % 1000) + i}`);
        engine.snapshot.upsertNode(nodeAt(2000 + changes + i));
      }
      for (let i = 0; i < 20; i += 1) placeOne(engine, cpuOnly(`u${changes}-${i}`));
    }
  });
});

/** No two of the application in one place. */
function apart(uid: string, app: string, topologyKey: string, strategy: 'Pack' | 'Spread') {
  const labels = [{ key: 'app', operator: 'in' as const, values: [app] }];
  const away = [{ selectors: [{ namespaces: ['default'], labels }], topologyKey }];
  const peer = { namespace: 'default', labels: { app } };
  const peerRules = { near: [], away, wishes: [], spread: [] };
  return request(uid, { cpu: 10 }, { owner: app, strategy, peer, peerRules });
}

describe('anti-affinity', () => {
  const placeAll = (nodeCount: number, requests: readonly PlacementRequest[]) => {
    const engine = new Engine(new Snapshot());
    for (let i = 0; i < nodeCount; i += 1) {
      const labels = { host: `n${i}`, zone: `z${i % 5}` };
      engine.snapshot.upsertNode(node(`n${i}`, { cpu: 4000 + 1000 * (i % 3) }, { labels }));
    }
    let refused = 0;
    for (const [i, asked] of requests.entries()) {
      const decision = engine.place(asked);
      // Looking at every node takes long where there are many.
      if (nodeCount < 100 || i % 50 === 0) {
        expect(decision?.node).toBe(naive(engine.snapshot, asked));
      }
      if (decision === undefined) refused += 1;
      else engine.snapshot.assume(asked, decision.node, decision.allocation);
      if (nodeCount < 100 && i % 5 === 4) engine.snapshot.release(requests[i - 3]?.uid ?? '');
    }
    return refused;
  };

  it('is asked of the nodes in order, and decides as looking at every node does', () => {
    const wanted = fc.record({
      app: fc.constantFrom('a', 'b', 'c'),
      topologyKey: fc.constantFrom('host', 'zone'),
      strategy: fc.constantFrom('Pack' as const, 'Spread' as const),
    });
    const nodeCounts = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(nodeCounts, fc.array(wanted, { maxLength: 40 }), (nodeCount, list) => {
        placeAll(
          nodeCount,
          list.map(({ app, topologyKey, strategy }, i) =>
            apart(`u${i}`, app, topologyKey, strategy),
          ),
        );
      }),
    );
  });

  it('gets an index of its own where it refuses more nodes than are worth asking', () => {
    const some = Array.from({ length: 1200 }, (_, i) => apart(`u${i}`, 'a', 'host', 'Pack'));
    expect(placeAll(1150, some)).toBe(50);
  });
});

describe('equal replicas at once', () => {
  const nodes = fc.array(
    fc.record({
      cpu: fc.integer({ min: 1, max: 8 }),
      taint: fc.boolean(),
      gpus: fc.constantFrom(0, 0, 0, 2),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const batches = fc.array(
    fc.record({
      owner: fc.constantFrom('a', 'b', undefined),
      cpu: fc.integer({ min: 100, max: 2000 }),
      gpuMilli: fc.constantFrom(0, 0, 0, 300, 1000),
      count: fc.integer({ min: 4, max: 30 }),
      strategy: fc.constantFrom('Spread', 'Pack', 'Global'),
      maxPerNode: fc.constantFrom(undefined, undefined, 1, 2),
      labels: fc.constantFrom(undefined, { app: 'x' }),
      /** Which of those before it has gone meanwhile. */
      gone: fc.integer({ min: 0, max: 29 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  const disliked = [{ key: 'k', value: '', effect: 'PreferNoSchedule' as const }];

  it('go where they would go one after the other, and are counted alike', () => {
    fc.assert(
      fc.property(nodes, batches, (given, wanted) => {
        const [together, single] = [new Engine(new Snapshot()), new Engine(new Snapshot())];
        for (const [i, { cpu: cores, taint, gpus }] of given.entries()) {
          const traits = taint ? { taints: disliked } : {};
          const models = gpus === 0 ? {} : { gpus: new Array<string>(gpus).fill('T4') };
          const record = node(`n${i}`, { cpu: 1000 * cores }, { traits, ...models });
          for (const { snapshot } of [together, single]) snapshot.upsertNode(record);
        }
        for (const [b, { cpu: asked, count, labels, gone, ...more }] of wanted.entries()) {
          const peer = labels === undefined ? {} : { peer: { namespace: 'default', labels } };
          const requests = Array.from({ length: count }, (_, i) =>
            request(`${b}-${i}`, { cpu: asked }, { ...more, ...peer }),
          );
          const oneByOne = requests.flatMap((each) => single.scheduleBatch([each]));
          expect(together.scheduleBatch(requests)).toEqual(oneByOne);
          for (const { snapshot } of [together, single]) snapshot.release(`${b - 1}-${gone}`);
          expect(seen(together.snapshot)).toEqual(seen(single.snapshot));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('fill the fullest node before the next is begun, where they are packed', () => {
    const engine = new Engine(new Snapshot());
    for (const name of ['a', 'b', 'c']) engine.snapshot.upsertNode(node(name, { cpu: 4000 }));
    engine.snapshot.assume(request('old', { cpu: 1000 }), 'b', {});
    const requests = Array.from({ length: 9 }, (_, i) =>
      request(`u${i}`, { cpu: 1000 }, { strategy: 'Pack' }),
    );
    const decisions = engine.scheduleBatch(requests);
    const names = decisions.map((each) => (each.type === 'placed' ? each.node : ''));
    expect(names.join('')).toBe('bbbaaaacc');
  });

  it('are counted once each, whoever is named twice', () => {
    const snapshot = new Snapshot();
    snapshot.upsertNode(node('a', { cpu: 4000 }));
    const twice = [request('u', { cpu: 500 }), request('u', { cpu: 500 })];
    snapshot.assumeAlike(twice, [0, 0]);
    expect(snapshot.columns.get('cpu')?.usedAt(0)).toBe(500);
    expect(snapshot.placedOn('a')).toEqual(['u']);
  });
});
