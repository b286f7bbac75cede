import { describe, expect, it } from 'vitest';
import { meanOf, roundHalfEven } from './mean.ts';

/** So many from `first` on, a hundredth more after every `each`. */
function climb(count: number, first: number, each: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => (first + Math.floor(i / each)) / 100);
}

describe('means', () => {
  // What NumPy says; added in order, all but the first are rounded to the other side.
  it.each([
    [climb(2, 25, 1), 0.26],
    [climb(16, 5001, 2), 50.04],
    [climb(16, 5006, 1), 50.14],
    [climb(136, 5001, 2), 50.34],
    [climb(136, 5003, 1), 50.7],
  ])('%#: are rounded by their last bit', (values, mean) => {
    expect(meanOf(values)).toBe(mean);
  });

  it('halves go to the even neighbour', () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
  });
});
