import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeCores } from '../../engine/request.ts';
import { node } from '../../engine/testing.ts';
import { type CorePiece, cpuBound } from './cpu-bound.ts';

function devices(cores: Partial<NodeCores> = {}) {
  const given = { ids: [0, 1, 2, 3], pieces: 100, numa: [], ...cores };
  return cpuBound.create(node('n', {}, { cores: given }));
}

function dividedBy(pieces: readonly CorePiece[]): ReadonlySet<string> {
  const shares = pieces.flatMap(({ cores }) => Object.entries(cores));
  return new Set(shares.filter(([, share]) => share < 100).map(([core]) => core));
}

const claim = { before: [], hostPorts: [], isCpuBound: true };
const need = (pieces: number) => ({ pieces, memory: 0 });

describe('a claim on cores', () => {
  it.each([
    [[{ cpu: '1.3', memory: '1Gi' }], [], { pieces: 130, memory: 1024 ** 3 }],
    [[{ cpu: '500m' }, { cpu: '200m' }], [], { pieces: 70, memory: 0 }],
    [[{ cpu: '500m' }], [[{ cpu: 2 }]], { pieces: 200, memory: 0 }],
    [[{ cpu: '2.3' }], [], { pieces: 230, memory: 0 }],
    [[{ cpu: '1234m' }], [], { pieces: 123, memory: 0 }],
    [[{ cpu: '1235m' }], [], { pieces: 124, memory: 0 }],
    [[{ cpu: '4m' }], [], { pieces: 0, memory: 0 }],
    [[{}], [], { pieces: 0, memory: 0 }],
  ])('%j, before %j', (together, before, expected) => {
    expect(cpuBound.parse({ ...claim, together, before })).toEqual(expected);
  });

  it('is none of an instance that shares them', () => {
    const shared = { ...claim, isCpuBound: false };
    expect(cpuBound.parse({ ...shared, together: [{ cpu: 1 }] })).toBeUndefined();
  });
});

describe('the cores of a node', () => {
  it('are given by their numbers', () => {
    const some = devices({ ids: [2, 3, 10] });
    expect(some.allocate(need(130))).toEqual({ cores: { 2: 30, 3: 100 } });
    some.take({ cores: { 2: 30, 3: 100 } });
    expect(some.allocate(need(130))).toEqual({ cores: { 2: 30, 10: 100 } });
    expect(some.count(need(130))).toBe(1);
  });

  it('are on one NUMA node where they can be, and take its memory', () => {
    const Gi = 1024 ** 3;
    const two = devices({
      ids: [0, 1, 2, 3, 4, 5],
      numa: [
        { id: 0, cores: [0, 1, 2], memory: 3 * Gi },
        { id: 1, cores: [3, 4, 5], memory: 3 * Gi },
      ],
    });
    const asked = { pieces: 200, memory: 2 * Gi };
    const pieces = [1, 2, 3].map(() => {
      const piece = two.allocate(asked);
      two.take(piece);
      return piece;
    });
    expect(pieces).toEqual([
      { cores: { 1: 100, 2: 100 }, numaNode: 0, memory: 2 * Gi },
      { cores: { 4: 100, 5: 100 }, numaNode: 1, memory: 2 * Gi },
      { cores: { 0: 100, 3: 100 } },
    ]);
    expect(two.fits(need(100))).toBe(false);
    for (const piece of pieces) two.release(piece);
    expect(two.allocate(asked)).toEqual(pieces[0]);
  });

  it.each([
    [[0, 1, 2, 3], 130, undefined],
    [[0, 1, 2, 3], 430, 30],
    [[0, 1], 500, 300],
    [[], 50, 50],
  ])('%j lack for %i: %j', (ids, pieces, missing) => {
    expect(devices({ ids }).explain(need(pieces))?.missing).toBe(missing);
  });

  it('are told of also where beyond all measure is asked', () => {
    const pieces = 90_000_000_000_001;
    expect(devices({ ids: [0] }).explain(need(pieces))?.missing).toBe(pieces - 100);
  });

  it('tell what is asked, and why it can never be', () => {
    expect(devices({ ids: [0] }).explain(need(130))).toMatchObject({
      reason: 'Insufficient bound cpu',
      text: { asked: '1.3', free: '1' },
    });
    expect(devices().explain(need(0))?.reason).toContain('at least cpu 10m');
    expect(devices().fits(need(0))).toBe(false);
    expect(devices().allocate(need(0))).toEqual({ cores: {} });
  });

  it('of which more were given than there are come back in full', () => {
    const some = devices({ ids: [0, 1] });
    const piece = { cores: { 0: 100, 7: 100 } };
    some.take(piece);
    some.take(piece);
    expect(some.count(need(50))).toBe(2);
    some.release(piece);
    expect(some.count(need(50))).toBe(2);
    some.release(piece);
    expect(some.count(need(50))).toBe(4);
  });

  const halves = [
    { id: 0, cores: [0, 1, 2, 3] },
    { id: 1, cores: [4, 5, 6, 7] },
  ];
  it.each([
    ['one after the other', { maxShared: 1 }, 50, 2],
    ['where each leaves a rest', { maxShared: 2 }, 40, 4],
    ['sold twice', { maxShared: 1, pieces: 200 }, 50, 4],
    ['sold one and a half times', { maxShared: 1, pieces: 150 }, 50, 3],
    [
      'on several NUMA nodes',
      { maxShared: 1, ids: [0, 1, 2, 3, 4, 5, 6, 7], numa: halves },
      250,
      2,
    ],
  ])('are divided no more often than may be: %s', (_, cores, pieces, count) => {
    const some = devices(cores);
    expect(some.count(need(pieces))).toBe(count);
    const given: CorePiece[] = [];
    while (some.fits(need(pieces))) {
      const piece = some.allocate(need(pieces));
      some.take(piece);
      given.push(piece);
    }
    expect([given.length, dividedBy(given).size]).toEqual([count, cores.maxShared]);
    for (const piece of given) some.release(piece);
    expect(some.count(need(pieces))).toBe(count);
  });

  it('fit as often as is counted; taking and giving back changes nothing', () => {
    const sizes = fc.array(fc.constantFrom(10, 30, 50, 100, 130, 170, 200), { maxLength: 12 });
    const node = fc.record({
      pieces: fc.constantFrom(100, 150, 200),
      maxShared: fc.constantFrom(0, 1, 2),
    });
    fc.assert(
      fc.property(node, sizes, ({ pieces: sold, maxShared }, list) => {
        const some = devices({ pieces: sold, maxShared });
        const view = () =>
          [10, 50, 100, 130].map((n) => [some.count(need(n)), some.allocate(need(n))]);
        const empty = view();
        const given: CorePiece[] = [];
        for (const pieces of list) {
          const fits = some.fits(need(pieces));
          expect(some.count(need(pieces)) > 0).toBe(fits);
          const shortage = some.explain(need(pieces));
          expect(shortage === undefined).toBe(fits);
          if (!fits) continue;
          const piece = some.allocate(need(pieces));
          expect(Object.values(piece.cores).reduce((a, b) => a + b, 0)).toBe(pieces);
          some.take(piece);
          given.push(piece);
        }
        for (let core = 0; core < 4; core += 1) {
          const taken = given.reduce((sum, { cores }) => sum + (cores[core] ?? 0), 0);
          expect(taken).toBeLessThanOrEqual(sold);
        }
        expect(dividedBy(given).size).toBeLessThanOrEqual(maxShared);
        for (const piece of given) some.release(piece);
        expect(view()).toEqual(empty);
      }),
    );
  });

  it.each([
    [{ cores: { 0: 100 } }, true],
    [{ cores: { 0: 30, 11: 100 }, numaNode: 1, memory: 5 }, true],
    [{ cores: {} }, true],
    [{ cores: { x: 1 } }, false],
    [{ cores: { 0: '1' } }, false],
    [{ cores: [] }, false],
    [{}, false],
    [null, false],
    [[], false],
  ])('reads %j as an allocation: %s', (stored, known) => {
    expect(cpuBound.read(stored) !== undefined).toBe(known);
  });
});
