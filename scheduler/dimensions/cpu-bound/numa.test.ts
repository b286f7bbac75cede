import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coreRequest } from './cores.ts';
import { type NumaNode, numaPlans } from './numa.ts';
import { countPlans } from './plans.ts';

const Gi = 1024 ** 3;
const options = { maxShared: undefined };

function halves(cores: number, memoryFree?: number): readonly NumaNode[] {
  const all = Array.from({ length: cores }, (_, core) => core);
  return [
    { id: 0, cores: all.slice(0, cores / 2), memoryFree },
    { id: 1, cores: all.slice(cores / 2), memoryFree },
  ];
}

function texts(plans: ReturnType<typeof numaPlans>): string[] {
  return plans.map(({ plan, numaNode }) => {
    const cores = plan.map(({ core, pieces }) => (pieces === 100 ? core : `${core}:${pieces}`));
    return `${cores.join(' ')}@${numaNode ?? ''}`;
  });
}

const full = (cores: number) => Array<number>(cores).fill(100);

describe('plans on a node with two memories', () => {
  it('stay on one of them', () => {
    const memory = { bytes: 2 * Gi, free: 4 * Gi };
    expect(texts(numaPlans(full(4), coreRequest(1.3), options, halves(4, 2 * Gi), memory))).toEqual(
      ['0:30 1@0', '2:30 3@1'],
    );
  });

  it('give way where they cost one: Eru ends at two', () => {
    const plans = numaPlans(full(4), coreRequest(1.3), options, halves(4));
    expect(texts(plans)).toEqual(['0:30 1@0', '0:30 2@', '0:30 3@']);
  });

  it('go across when only together there is enough', () => {
    const memory = { bytes: 2 * Gi, free: 6 * Gi };
    expect(texts(numaPlans(full(6), coreRequest(2), options, halves(6, 3 * Gi), memory))).toEqual([
      '1 2@0',
      '4 5@1',
      '0 3@',
    ]);
  });

  it('are cut by the memory of the whole node', () => {
    const memory = { bytes: 3 * Gi, free: 4 * Gi };
    expect(texts(numaPlans(full(4), coreRequest(1.3), options, [], memory))).toEqual(['0:30 1@']);
  });

  it.each([
    [8, 2.5, 3],
    [24, 1.3, 18],
    [24, 2, 12],
  ])('%d cores for %d: %d, nearly all of them local', (cores, asked, count) => {
    const plans = numaPlans(full(cores), coreRequest(asked), options, halves(cores));
    expect(plans).toHaveLength(count);
    expect(plans.filter(({ numaNode }) => numaNode === undefined).length).toBeLessThanOrEqual(1);
  });

  it('divide no more cores than may be, with those that they use up', () => {
    const nodes = [
      { id: 0, cores: [0], memoryFree: undefined },
      { id: 1, cores: [1], memoryFree: undefined },
      { id: 2, cores: [2, 3], memoryFree: undefined },
    ];
    // The first has room for one more fragment, and one core may be divided besides.
    const plans = numaPlans([50, 100, 300, 100], coreRequest(0.5), { maxShared: 2 }, nodes);
    const cores = new Set(plans.flatMap(({ plan }) => plan.map(({ core }) => core)));
    expect([plans.length, cores.size]).toEqual([7, 2]);
  });

  it('are never fewer than on a node with one, and local first', () => {
    const cores = fc.array(fc.constantFrom<number>(0, 30, 50, 100, 100, 100, 150, 200), {
      minLength: 2,
      maxLength: 8,
    });
    const asked = fc.constantFrom(0.3, 0.5, 1, 1.3, 1.5, 2, 2.5);
    fc.assert(
      fc.property(cores, asked, (free, amount) => {
        const even = free.slice(0, free.length - (free.length % 2));
        const request = coreRequest(amount);
        const plans = numaPlans(even, request, options, halves(even.length));
        expect(plans).toHaveLength(countPlans(even, request, options));
        const left = [...even];
        for (const { plan } of plans) {
          for (const { core, pieces } of plan) left[core] = (left[core] ?? 0) - pieces;
        }
        expect(left.every((pieces) => pieces >= 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
