import { describe, expect, it } from 'vitest';
import { findCondition, isTrue, removeCondition, setCondition } from './conditions.ts';

const t0 = Date.UTC(2026, 0, 1);
const first = setCondition(undefined, { type: 'Ready', status: 'False', reason: 'Starting' }, t0);

describe('setCondition', () => {
  it('adds a condition with the time', () => {
    expect(first).toEqual([
      {
        type: 'Ready',
        status: 'False',
        reason: 'Starting',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
  });

  it('keeps the time while the status stays', () => {
    const next = setCondition(
      first,
      { type: 'Ready', status: 'False', reason: 'Waiting' },
      t0 + 5000,
    );
    expect(next).toEqual([{ ...first[0], reason: 'Waiting' }]);
  });

  it('takes the new time when the status turns', () => {
    const next = setCondition(first, { type: 'Ready', status: 'True' }, t0 + 5000);
    expect(findCondition(next, 'Ready')).toEqual({
      type: 'Ready',
      status: 'True',
      lastTransitionTime: '2026-01-01T00:00:05Z',
    });
    expect(isTrue(next, 'Ready')).toBe(true);
  });

  it('gives the same list when nothing changes', () => {
    const again = { type: 'Ready', status: 'False', reason: 'Starting' } as const;
    expect(setCondition(first, again, t0 + 5000)).toBe(first);
  });

  it('leaves other conditions alone', () => {
    const two = setCondition(first, { type: 'Bound', status: 'True' }, t0);
    expect(two.map((c) => c.type)).toEqual(['Ready', 'Bound']);
    expect(removeCondition(two, 'Ready').map((c) => c.type)).toEqual(['Bound']);
  });
});
