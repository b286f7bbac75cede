import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GpuNeed } from '../../dimensions/gpu/need.ts';
import { Engine } from '../../engine/engine.ts';
import { costFunction } from '../../engine/evaluate.ts';
import { type PlacementRequest, withClassKey } from '../../engine/request.ts';
import { Snapshot } from '../../engine/snapshot.ts';
import { type Amounts, node, request } from '../../engine/testing.ts';
import { strategyOf } from '../built-in.ts';
import { pack, packFor } from './pack.ts';

function gpuRequest(uid: string, need: GpuNeed, asked: Amounts = { cpu: 1000 }): PlacementRequest {
  const plain = request(uid, asked, { strategy: 'Pack' });
  return withClassKey({ ...plain, parts: [{ dimension: 'gpu', need }] });
}

const share = (milli: number): GpuNeed => ({ devices: 1, milli, models: [] });
const whole = (devices: number): GpuNeed => ({ devices, milli: 1000, models: [] });

function engineOf(gpus: Readonly<Record<string, readonly string[]>>): Engine {
  const engine = new Engine(new Snapshot());
  for (const [name, list] of Object.entries(gpus)) {
    engine.snapshot.upsertNode({ ...node(name, { cpu: 64_000, memory: 2 ** 20 }), gpus: list });
  }
  return engine;
}

describe('Pack', () => {
  it('fills without GPUs as best fit does', () => {
    const engine = engineOf({ a: [], b: [], c: [] });
    engine.snapshot.assume(request('old', { cpu: 1000 }), 'b', {});
    expect(engine.place(request('p', { cpu: 1000 }, { strategy: 'Pack' }))?.node).toBe('b');
  });

  it('keeps a pod without GPUs off nodes that have some', () => {
    const engine = engineOf({ a: ['T4'], b: [], c: ['T4'] });
    const demanding = packFor([{ cpu: 8000, devices: 1, milli: 1000, models: [], frequency: 1 }]);
    const choosy = new Engine(engine.snapshot, () => demanding);
    // It takes the cpu that the last device of `a` and `c` is good for.
    expect(choosy.place(request('p', { cpu: 60_000 }, { strategy: 'Pack' }))?.node).toBe('b');
  });

  it('puts a share on the device that is broken already', () => {
    const engine = engineOf({ a: ['T4', 'T4'], b: ['T4', 'T4'] });
    engine.snapshot.assume(gpuRequest('old', share(500)), 'b', {
      gpu: { devices: [1], milli: 500 },
    });
    expect(engine.place(gpuRequest('p', share(500)))).toMatchObject({
      node: 'b',
      allocation: { gpu: { devices: [1], milli: 500 } },
    });
  });

  it('keeps the node with eight devices for who needs eight', () => {
    const engine = engineOf({ a: Array(8).fill('G2'), b: Array(2).fill('T4') });
    expect(engine.place(gpuRequest('p', whole(2)))?.node).toBe('b');
    expect(engine.place(gpuRequest('p', whole(8)))?.node).toBe('a');
  });

  it('weighs anew when the first node with GPUs comes', () => {
    const engine = engineOf({ b: [] });
    const asked = request('p', { cpu: 1000 }, { strategy: 'Pack', hostPorts: [80] });
    expect(engine.place(asked)?.node).toBe('b');
    engine.snapshot.upsertNode({ ...node('a', { cpu: 64_000, memory: 2 ** 20 }), gpus: ['T4'] });
    const fresh = new Engine(engine.snapshot);
    expect(engine.place(asked)).toEqual(fresh.place(asked));
  });

  it('gives no device twice, and decides as looking at every node does', () => {
    const needs = fc.oneof(
      fc.constantFrom(100, 250, 300, 500, 999).map(share),
      fc.constantFrom(1, 2, 4).map(whole),
      fc.constant(undefined),
    );
    const nodes = fc.array(fc.constantFrom(0, 1, 2, 4, 8), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(nodes, fc.array(needs, { maxLength: 60 }), (counts, asked) => {
        const lists = counts.map((count, i) => [`n${i}`, Array(count).fill('T4')] as const);
        const engine = engineOf(Object.fromEntries(lists));
        const taken = new Map<string, number>();
        for (const [i, need] of asked.entries()) {
          const plain = request(`u${i}`, { cpu: 500 }, { strategy: 'Pack' });
          const next = need === undefined ? plain : gpuRequest(`u${i}`, need, { cpu: 500 });
          const decision = engine.place(next);
          expect(decision?.node).toBe(naive(engine, next));
          if (decision === undefined) continue;
          engine.snapshot.assume(next, decision.node, decision.allocation);
          // What was given, in the words of the binding.
          const piece = decision.allocation['gpu'] as
            | { devices: number[]; milli: number }
            | undefined;
          for (const device of piece?.devices ?? []) {
            const slot = `${decision.node} ${device}`;
            taken.set(slot, (taken.get(slot) ?? 0) + (piece?.milli ?? 0));
            expect(taken.get(slot)).toBeLessThanOrEqual(1000);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('decides so where nodes are in hardly ever the same state twice', () => {
    const lists = Array.from({ length: 30 }, (_, i): [string, readonly string[]] => [
      `n${i}`,
      Array.from({ length: [0, 2, 4, 8][i % 4] ?? 0 }, (__, g) =>
        i % 3 === 0 && g < 2 ? 'T4' : 'G2',
      ),
    ]);
    const engine = engineOf(Object.fromEntries(lists));
    let placed = 0;
    for (let i = 0; i < 500; i += 1) {
      const milli = 1 + ((i * 37) % 700);
      const models = i % 5 === 0 ? ['T4'] : [];
      const need = i % 11 === 0 ? whole(1 + (i % 3)) : { devices: 1, milli, models };
      const next = gpuRequest(`u${i}`, need, { cpu: 100 + (i % 7) });
      const decision = engine.place(next);
      expect(decision?.node).toBe(naive(engine, next));
      if (decision !== undefined) {
        placed += 1;
        engine.snapshot.assume(next, decision.node, decision.allocation);
      }
      engine.snapshot.release(`u${i - 90}`);
    }
    expect(placed).toBeGreaterThan(440);
  });
});

function naive({ snapshot }: Engine, asked: PlacementRequest): string | undefined {
  expect(strategyOf('Pack')).toBe(pack);
  // Without a node that has GPUs the order by use decides, which has a test of its own.
  const costOf = costFunction(snapshot, asked, pack);
  const costs = snapshot.order.indices().map((index) => ({ index, cost: costOf(index) }));
  const least = Math.min(...costs.map(({ cost }) => cost));
  if (least === Number.POSITIVE_INFINITY) return undefined;
  const first = costs.find(({ cost }) => cost === least)?.index ?? -1;
  return snapshot.recordAt(first)?.name;
}
