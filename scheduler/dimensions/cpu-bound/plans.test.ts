import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestCount } from '../../../test/oracle/best.ts';
import { type CoreRequest, coreRequest, type FreePieces, type Plan } from './cores.ts';
import { corePlans, countPlans, fitsOnce } from './plans.ts';

const unlimited = { maxShared: undefined };

function plansOf(free: FreePieces, cores: number, maxShared?: number): string[] {
  return corePlans(free, coreRequest(cores), { maxShared }).map(text);
}

/** `0:30 2` is 30 pieces of core 0 and all of core 2. */
function text(plan: Plan): string {
  return plan
    .map(({ core, pieces }) => (pieces === 100 ? `${core}` : `${core}:${pieces}`))
    .join(' ');
}

function taken(free: readonly number[], plan: Plan | undefined): number[] {
  const left = [...free];
  for (const { core, pieces } of plan ?? []) left[core] = (left[core] ?? 0) - pieces;
  return left;
}

const repeat = (times: number, plan: string) => Array<string>(times).fill(plan);

describe('plans', () => {
  it.each([
    // Whole cores: those with most left serve together.
    [[400, 200, 400], 2, ['0 1', ...repeat(3, '0 2'), '1 2']],
    [[200, 200, 200], 2, ['0 1', '0 2', '1 2']],
    [[300, 300], 2, repeat(3, '0 1')],
    // Fragments fill one core before the next.
    [[300], 0.5, repeat(6, '0:50')],
    [[100, 200, 300], 1, ['0', '1', '1', '2', '2', '2']],
    // Both: as few cores as possible are divided.
    [[70, 100, 400], 1.3, ['0:30 2', '0:30 2', '1:30 2', '1:30 2']],
    [
      [100, 100, 100, 100, 100, 100, 100, 100],
      1.5,
      ['0:50 3', '0:50 4', '1:50 5', '1:50 6', '2:50 7'],
    ],
  ])('of %j for %d', (free, cores, expected) => {
    expect(plansOf(free, cores).sort()).toEqual([...expected].sort());
  });

  it.each([
    [24, 0.3, 72],
    [24, 0.5, 48],
    [24, 1.3, 18],
    [24, 1.5, 16],
    [24, 1.7, 12],
    [24, 2.5, 9],
    [64, 1.3, 48],
    [7, 1.7, 3],
  ])('%d empty cores have room for %d cores %d times', (cores, asked, count) => {
    const free = Array<number>(cores).fill(100);
    expect(countPlans(free, coreRequest(asked), unlimited)).toBe(count);
    expect(corePlans(free, coreRequest(asked), unlimited)).toHaveLength(count);
  });

  it.each([
    [
      [230, 200],
      [160, 100],
      ['0:70 1', '0:70 1'],
    ],
    [[230, 80, 300, 200], 'usage', [70, 70, 0, 200]],
    [[70, 50, 100, 100, 100], 'usage', [70, 0, 70, 100, 100]],
  ])('taken one after the other from %j', (free, kind, expected) => {
    const plan = () => corePlans(left, coreRequest(1.7), unlimited)[0];
    let left = [...free];
    const first = plan();
    left = taken(left, first);
    const second = plan();
    if (kind === 'usage') {
      left = taken(left, second);
      expect(free.map((pieces, core) => pieces - (left[core] ?? 0))).toEqual(expected);
    } else {
      expect(left).toEqual(kind);
      expect([first, second].map((p) => text(p ?? []))).toEqual(expected);
    }
  });

  it('are kept to the cores that may be divided, and to those that are already', () => {
    expect(plansOf([100, 100, 30, 40, 50], 0.5, 2)).toEqual(['4:50']);
    expect(plansOf([100, 100, 100, 100, 100, 100], 1.7, 2)).toHaveLength(2);
    expect(plansOf([100, 100, 100], 1.2, 0)).toEqual([]);
    // More are divided than may be: Eru panics.
    expect(plansOf([70, 10, 50, 100, 100], 0.7, 1)).toEqual(['0:70']);
  });

  it('use what Eru leaves on cores that are sold several times', () => {
    expect(plansOf([230, 230], 1)).toHaveLength(4);
    expect(plansOf([230, 300, 200, 50, 130, 300, 50], 3)).toHaveLength(3);
    expect(plansOf([150, 50], 1.2)).toEqual(['0 1:20']);
  });

  it.each([
    [2.3, 2, 30],
    [1.15, 1, 15],
    [0.29, 0, 29],
    [4.1, 4, 10],
    [8.2, 8, 20],
    [1.004, 1, 0],
    [1.005, 1, 1],
  ])('%d cores are pieces without loss', (cores, whole, fragment) => {
    expect(coreRequest(cores)).toEqual({ whole, fragment });
  });

  it('no amount of two decimals loses a piece', () => {
    for (let pieces = 1; pieces < 1000; pieces += 1) {
      const { whole, fragment } = coreRequest(Number((pieces / 100).toFixed(2)));
      expect(whole * 100 + fragment).toBe(pieces);
    }
  });

  it.each([0, -1, 0.005, 0.0001, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d cores are refused',
    (cores) => {
      expect(() => coreRequest(cores)).toThrow(/least that can be bound|no number/);
    },
  );

  it('of cores with nothing or less than nothing left', () => {
    expect(plansOf([], 1)).toEqual([]);
    expect(plansOf([0, -50, -200], 0.5)).toEqual([]);
    expect(plansOf([-100, 100, 100], 1.5)).toEqual(['1:50 2']);
  });

  it('of huge cores and for huge requests are counted, and listed up to a limit', () => {
    expect(countPlans([1e9, 1e9], coreRequest(0.5), unlimited)).toBe(4e7);
    expect(countPlans([1e9, 1e9], coreRequest(2), unlimited)).toBe(1e7);
    expect(countPlans([100, 100], coreRequest(1e12), unlimited)).toBe(0);
    expect(plansOf([1e9, 1e9], 2)).toHaveLength(10_000);
    expect(countPlans([1e9, 1e9, 1e9], coreRequest(1.5), unlimited)).toBeGreaterThan(1e7);
  });
});

const freshOrUsed = fc.array(
  fc.integer({ min: -10, max: 10 }).map((tens) => tens * 10),
  {
    maxLength: 7,
  },
);
const sold = fc.array(fc.constantFrom(0, 30, 50, 100, 130, 150, 200, 230, 300), { maxLength: 5 });
const asked = fc.constantFrom(0.1, 0.3, 0.5, 0.7, 1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 3.4);
const limit = fc.constantFrom(undefined, 0, 1, 2, 3);

describe('plans of any node', () => {
  it.each([
    ['sold once', freshOrUsed],
    ['sold several times', sold],
  ])('%s are as many as can be, and fit', (_, cores) => {
    fc.assert(
      fc.property(cores, asked, limit, (free, amount, maxShared) => {
        const request = coreRequest(amount);
        const plans = corePlans(free, request, { maxShared });
        expect(plans).toHaveLength(
          bestCount({ free, ...request, maxshare: maxShared ?? -1 }) ?? -1,
        );
        expect(countPlans(free, request, { maxShared })).toBe(plans.length);
        expect(fitsOnce(free, request, { maxShared })).toBe(plans.length > 0);
        expectRight(plans, free, request, maxShared);
      }),
      { numRuns: 500 },
    );
  });

  it('taken one by one are as many as at once', () => {
    fc.assert(
      fc.property(fc.oneof(freshOrUsed, sold), asked, (free, amount) => {
        const request = coreRequest(amount);
        let left = [...free];
        for (let count = countPlans(free, request, unlimited); count > 0; count -= 1) {
          left = taken(left, corePlans(left, request, unlimited)[0]);
          expect(countPlans(left, request, unlimited)).toBe(count - 1);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function expectRight(
  plans: readonly Plan[],
  free: readonly number[],
  { whole, fragment }: CoreRequest,
  maxShared: number | undefined,
): void {
  let left = [...free];
  const divided = new Set<number>();
  for (const plan of plans) {
    expect(new Set(plan.map(({ core }) => core)).size).toBe(whole + (fragment > 0 ? 1 : 0));
    expect(plan.filter(({ pieces }) => pieces === 100)).toHaveLength(whole);
    for (const { core, pieces } of plan) if (pieces !== 100) divided.add(core);
    left = taken(left, plan);
  }
  expect(left.every((pieces, core) => pieces >= Math.min(0, free[core] ?? 0))).toBe(true);
  const before = free.filter((pieces) => pieces > 0 && pieces % 100 !== 0).length;
  const after = [...divided].filter((core) => (free[core] ?? 0) % 100 === 0).length;
  if (maxShared !== undefined) expect(after).toBeLessThanOrEqual(Math.max(0, maxShared - before));
}
