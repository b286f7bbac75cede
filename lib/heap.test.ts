import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap } from './heap.ts';

it('gives back what was pushed, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.array(fc.integer()), (first, second) => {
      const heap = new Heap<number>((a, b) => a - b);
      for (const item of first) heap.push(item);
      const half = Math.floor(first.length / 2);
      const out = Array.from({ length: half }, () => heap.pop());
      expect(out).toEqual([...first].sort((a, b) => a - b).slice(0, half));
      for (const item of second) heap.push(item);
      const rest = [...first].sort((a, b) => a - b).slice(half);
      const expected = [...rest, ...second].sort((a, b) => a - b);
      expect(expected.map(() => heap.pop())).toEqual(expected);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
