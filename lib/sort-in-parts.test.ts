import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortInParts } from './sort-in-parts.ts';
import { atOnce } from './turns.ts';

interface Item {
  readonly key: number;
  readonly at: number;
}

const byKey = (a: Item, b: Item) => a.key - b.key;

describe('sorting in parts', () => {
  it('gives what sorting at once gives, equals in their order', () => {
    const keys = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 3_000, size: 'max' });
    fc.assert(
      fc.property(keys, (given) => {
        const items = given.map((key, at): Item => ({ key, at }));
        expect(atOnce(sortInParts(items, byKey))).toEqual(items.toSorted(byKey));
      }),
      { numRuns: 50 },
    );
  });

  it('pauses', () => {
    const items = Array.from(
      { length: 10_000 },
      (_, at): Item => ({ key: (at * 7919) % 10_007, at }),
    );
    let most = 0;
    let since = 0;
    const counting = (a: Item, b: Item) => {
      since += 1;
      most = Math.max(most, since);
      return byKey(a, b);
    };
    for (const sorting = sortInParts(items, counting); sorting.next().done !== true; ) since = 0;
    expect(most).toBeLessThan(5_000);
  });
});
