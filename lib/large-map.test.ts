import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LargeMap } from './large-map.ts';

describe('a large map', () => {
  it('answers as a Map does', () => {
    const keys = fc.constantFrom('', 'a', 'ab', 'abc', 'xabc', 'default/web-1');
    const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'get'), keys));
    fc.assert(
      fc.property(steps, (given) => {
        const large = new LargeMap<number>();
        const plain = new Map<string, number>();
        for (const [i, [step, key]] of given.entries()) {
          if (step === 'set') large.set(key, i);
          if (step === 'set') plain.set(key, i);
          if (step === 'delete') expect(large.delete(key)).toBe(plain.delete(key));
          expect(large.get(key)).toBe(plain.get(key));
          expect(large.has(key)).toBe(plain.has(key));
          expect(large.size).toBe(plain.size);
        }
        expect([...large.keys()].sort()).toEqual([...plain.keys()].sort());
      }),
    );
  });

  it.each<[string, (i: number) => string]>([
    ['uids', () => randomUUID()],
    ['numbers', (i) => `pod-${i}`],
    ['names with numbers', (i) => `default/web-${i}`],
  ])('has its entries in pieces of about the same size: %s', (_, keyOf) => {
    const large = new LargeMap<number>();
    for (let i = 0; i < 64_000; i += 1) large.set(keyOf(i), i);
    expect(large.size).toBe(64_000);
    // Of 16 pieces each would have 4,000.
    expect(large.largestPiece).toBeLessThan(8_000);
  });
});
