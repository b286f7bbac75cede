import { describe, expect, it } from 'vitest';
import { Recent } from './recent.ts';

describe('what was used lately', () => {
  it('stays, and what was not is forgotten', () => {
    const recent = new Recent<number>(10);
    for (let i = 0; i < 100; i += 1) {
      recent.set(`n${i}`, i);
      expect(recent.get('n0')).toBe(0);
      expect([...recent.values()].length).toBeLessThanOrEqual(10);
    }
    for (let i = 95; i < 100; i += 1) expect(recent.get(`n${i}`)).toBe(i);
    expect(recent.get('n50')).toBeUndefined();
  });

  it('is told once by each name', () => {
    const recent = new Recent<number>(4);
    for (const name of ['a', 'b', 'c', 'a', 'd', 'a']) recent.set(name, recent.get(name) ?? 1);
    expect([...recent.values()].filter((value) => value === 1).length).toBeLessThanOrEqual(4);
    recent.set('a', 2);
    expect(recent.get('a')).toBe(2);
  });
});
