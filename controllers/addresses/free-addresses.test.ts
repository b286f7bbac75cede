import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AddressRange } from '../../lib/ipv4.ts';
import { FreeAddresses } from './free-addresses.ts';

/** Disjoint and in order, with gaps. */
const someRanges = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 130 })), {
    maxLength: 6,
  })
  .map((parts) => {
    let at = 4_294_000_000;
    return parts.map(([gap, length]): AddressRange => {
      const first = at + gap;
      at = first + length;
      return { first, last: at };
    });
  });

const all = (ranges: readonly AddressRange[]) =>
  ranges.flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );

describe('free addresses', () => {
  it('are given each once, in order, and then there are none', () => {
    fc.assert(
      fc.property(someRanges, (ranges) => {
        const addresses = new FreeAddresses(ranges);
        const given: number[] = [];
        for (let next = addresses.next(); next !== undefined; next = addresses.next()) {
          given.push(next);
          addresses.take(next);
        }
        expect(given).toEqual(all(ranges));
        expect(addresses.free).toBe(0);
        expect(addresses.capacity).toBe(given.length);
      }),
    );
  });

  it('are what a plain set says, whatever is taken and released', () => {
    const step = fc.tuple(fc.constantFrom('take', 'release', 'next'), fc.nat());
    fc.assert(
      fc.property(someRanges, fc.array(step, { maxLength: 200 }), (ranges, steps) => {
        const addresses = new FreeAddresses(ranges);
        const known = all(ranges);
        const free = new Set(known);
        let last = 0;
        for (const [what, pick] of steps) {
          // One in ten is none of them.
          const address = pick % 10 === 0 ? 4_293_000_000 + pick : known[pick % known.length];
          if (address === undefined) continue;
          if (what === 'take') {
            addresses.take(address);
            free.delete(address);
          } else if (what === 'release') {
            addresses.release(address);
            if (known.includes(address)) free.add(address);
          } else {
            const after = known.filter((each) => each > last && free.has(each));
            const expected = after[0] ?? known.find((each) => free.has(each));
            expect(addresses.next()).toBe(expected);
            last = expected ?? last;
          }
          expect(addresses.isFree(address)).toBe(free.has(address));
          expect(addresses.has(address)).toBe(known.includes(address));
          expect(addresses.free).toBe(free.size);
        }
      }),
    );
  });

  it('the last one of a /12 is found', () => {
    const first = 10 * 2 ** 24;
    const addresses = new FreeAddresses([{ first, last: first + 2 ** 20 - 1 }]);
    for (let at = first; at < first + 2 ** 20 - 1; at += 1) addresses.take(at);
    expect(addresses.next()).toBe(first + 2 ** 20 - 1);
    addresses.take(first + 2 ** 20 - 1);
    expect(addresses.next()).toBeUndefined();
    addresses.release(first + 7);
    expect(addresses.next()).toBe(first + 7);
  });
});
