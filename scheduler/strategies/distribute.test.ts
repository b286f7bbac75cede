import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, type DistributionStrategy, distribute } from './distribute.ts';

interface Case {
  readonly capacities: readonly number[];
  readonly counts?: readonly number[];
  readonly usages?: readonly number[];
  readonly rates?: readonly number[];
  readonly need: number;
  readonly limit?: number;
  readonly total?: number;
}

function candidates({ capacities, counts = [], usages = [], rates = [] }: Case): Candidate[] {
  return capacities.map((capacity, i) => ({
    capacity,
    count: counts[i] ?? 0,
    usage: usages[i] ?? 0,
    rate: rates[i] ?? 0,
  }));
}

function given(strategy: DistributionStrategy, wanted: Case): readonly number[] | string {
  const { need, limit = 0, total } = wanted;
  const answer = distribute(strategy, candidates(wanted), {
    need,
    limit,
    ...(total === undefined ? {} : { total }),
  });
  return answer.type === 'refused' ? answer.reason : answer.replicas;
}

function finals(strategy: DistributionStrategy, wanted: Case): readonly number[] | string {
  const replicas = given(strategy, wanted);
  if (typeof replicas === 'string') return replicas;
  return replicas.map((more, i) => more + (wanted.counts?.[i] ?? 0)).sort((a, b) => a - b);
}

const four = { capacities: [10, 10, 10, 10], counts: [2, 3, 5, 7] };
const rising = [1, 2, 3, 4, 5];

describe('Spread', () => {
  it.each([
    [1, [3, 3, 5, 7]],
    [2, [3, 4, 5, 7]],
    [3, [4, 4, 5, 7]],
    [4, [4, 5, 5, 7]],
    [29, [11, 11, 12, 12]],
    [37, [12, 13, 14, 15]],
    [40, [12, 13, 15, 17]],
    [41, 'InsufficientCapacity'],
  ])('%i more', (need, expected) => {
    expect(finals('Spread', { ...four, need })).toEqual(expected);
  });

  it.each([
    [[1, 2, 1, 5, 10], [0, 0, 0, 0, 0], 3, 0, [0, 1, 0, 1, 1]],
    [[10, 4, 4], [1, 1, 10], 5, 0, [3, 2, 0]],
    [[4, 5, 4, 10], [2, 2, 4, 0], 3, 0, [0, 0, 0, 3]],
    [[3, 4, 5, 10], [0, 0, 0, 0], 3, 0, [0, 1, 1, 1]],
    [[3, 4, 5, 10], [3, 5, 7, 10], 3, 5, 'NodeLimit'],
    [[3, 4, 5, 10], [3, 5, 7, 10], 3, 6, [2, 1, 0, 0]],
  ])('capacities %j, counts %j, need %i, limit %i', (capacities, counts, need, limit, expected) => {
    expect(given('Spread', { capacities, counts, need, limit })).toEqual(expected);
  });

  it('keeps to what may be placed in all', () => {
    expect(given('Spread', { ...four, need: 2, total: 1 })).toBe('InsufficientCapacity');
  });
});

describe('Fill', () => {
  it.each([
    [four.capacities, four.counts, 10, 0, [10, 10, 10, 10]],
    [four.capacities, four.counts, 5, 0, [5, 5, 5, 7]],
    [four.capacities, four.counts, 15, 0, 'InsufficientNodes'],
    [four.capacities, four.counts, 1, 0, 'AlreadyFilled'],
    [four.capacities, four.counts, 10, 2, [2, 3, 10, 10]],
    [[10, 10], [2, 3], 5, 3, 'InsufficientNodes'],
    [rising, [3, 3, 3, 3, 3], 4, 3, [3, 3, 4, 4, 4]],
    [rising, [3, 3, 3, 3, 3], 5, 0, 'InsufficientNodes'],
    [[9, 9, 9], [1, 1, 0], 2, 2, [0, 2, 2]],
  ])('%j, counts %j, to %i, on %i nodes', (capacities, counts, need, limit, expected) => {
    expect(finals('Fill', { capacities, counts, need, limit })).toEqual(expected);
  });
});

describe('Each', () => {
  it.each([
    [four.capacities, four.counts, 1, 0, [3, 4, 6, 8]],
    [four.capacities, four.counts, 100, 5, 'InsufficientNodes'],
    [four.capacities, four.counts, 100, 0, 'InsufficientNodes'],
    [rising, [], 4, 4, 'InsufficientNodes'],
    [rising, [], 2, 0, 'InsufficientNodes'],
    [rising, [], 4, 2, [0, 0, 0, 4, 4]],
    [[], [], 1, 0, 'InsufficientNodes'],
  ])('%j, counts %j, %i on each of %i nodes', (capacities, counts, need, limit, expected) => {
    expect(finals('Each', { capacities, counts, need, limit })).toEqual(expected);
  });
});

describe('Drained', () => {
  it.each([
    [1, [2, 3, 5, 8]],
    [2, [2, 3, 5, 9]],
    [3, [2, 3, 5, 10]],
    [10, [2, 5, 5, 15]],
    [25, [5, 10, 12, 15]],
    [29, [7, 12, 12, 15]],
    [37, [12, 12, 15, 15]],
  ])('%i more', (need, expected) => {
    const nodes = { capacities: [10, 9, 10, 8], counts: [2, 3, 5, 7] };
    expect(finals('Drained', { ...nodes, need })).toEqual(expected);
  });

  it('takes the smaller node, also where the larger is busier: Eru does not', () => {
    const nodes = { capacities: [3, 8], usages: [0.29, 0.42] };
    expect(given('Drained', { ...nodes, need: 5 })).toEqual([3, 2]);
  });

  it('takes the busier of two that are equal', () => {
    const nodes = { capacities: [3, 3, 3], usages: [0.2, 0.4, 0.3] };
    expect(given('Drained', { ...nodes, need: 4 })).toEqual([0, 3, 1]);
  });
});

describe('Global', () => {
  it.each([
    [[0.8, 0.5, 2.2], [0.05, 0.12, 0.05], [1, 2, 1], 3, [1, 2, 0]],
    [[0.8, 0.5, 2.2], [0.05, 0.35, 0.05], [4, 1, 1], 3, [2, 1, 0]],
    [[1.6, 0.5], [0.05, 0.11], [5, 5], 2, [0, 2]],
    [[1, 2, 3], [0.4, 0.6, 1], [9, 9, 9], 3, [3, 0, 0]],
    [[0], [0], [1e10], 10, [10]],
    [[0, 0], [0, 0], [3, 3], 100, 'InsufficientCapacity'],
  ])('usages %j, rates %j, capacities %j, need %i', (usages, rates, capacities, need, expected) => {
    expect(given('Global', { usages, rates, capacities, need })).toEqual(expected);
  });
});

describe('any strategy', () => {
  const all = ['Spread', 'Fill', 'Each', 'Global', 'Drained'] as const;
  const nodes = fc.array(
    fc.record({
      capacity: fc.integer({ min: -2, max: 8 }),
      count: fc.integer({ min: 0, max: 5 }),
      usage: fc.integer({ min: 0, max: 80 }).map((n) => n / 100),
      rate: fc.integer({ min: 1, max: 10 }).map((n) => n / 100),
    }),
    { maxLength: 8 },
  );

  it('gives no node more than it has room for, and as many in all as are asked for', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        nodes,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 8 }),
        (strategy, list, need, limit) => {
          const answer = distribute(strategy, list, { need, limit });
          if (answer.type === 'refused') return;
          const { replicas } = answer;
          for (const [i, more] of replicas.entries()) {
            expect(more).toBeLessThanOrEqual(Math.max(0, list[i]?.capacity ?? 0));
            if (strategy === 'Spread' && limit > 0 && more > 0) {
              expect(more + (list[i]?.count ?? 0)).toBeLessThanOrEqual(limit);
            }
          }
          const sum = replicas.reduce((a, b) => a + b, 0);
          if (strategy === 'Each') expect(sum).toBe(need * (limit || list.length));
          else if (strategy !== 'Fill') expect(sum).toBe(need);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('Spread is refused only where the room, or the limit, is too small', () => {
    fc.assert(
      fc.property(nodes, fc.integer({ min: 1, max: 20 }), (list, need) => {
        const room = list.reduce((sum, { capacity }) => sum + Math.max(0, capacity), 0);
        const { type } = distribute('Spread', list, { need, limit: 0 });
        expect(type).toBe(room >= need ? 'distributed' : 'refused');
      }),
    );
  });

  it.each([-1, 1.5, Number.NaN])('refuses a need of %d', (need) => {
    for (const strategy of all) expect(given(strategy, { ...four, need })).toBe('InvalidNeed');
  });

  it('places nothing where nothing is needed', () => {
    for (const strategy of all) {
      const expected = strategy === 'Fill' ? 'AlreadyFilled' : [0, 0, 0, 0];
      expect(given(strategy, { ...four, need: 0 })).toEqual(expected);
    }
  });

  it('takes capacities without end', () => {
    const endless = Number.MAX_SAFE_INTEGER;
    expect(given('Spread', { capacities: [endless, endless], need: 3 })).toEqual([2, 1]);
    expect(given('Drained', { capacities: [endless, 1], need: 3 })).toEqual([2, 1]);
  });
});
