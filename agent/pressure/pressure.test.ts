import { describe, expect, test } from 'vitest';
import type { MachineLoad } from '../topology/machine.ts';
import { defaultThresholds, leastOf, pressureOf } from './pressure.ts';

const gib = 2 ** 30;
const well: MachineLoad = {
  memory: { total: 8 * gib, free: 4 * gib },
  disk: { total: 100 * gib, free: 50 * gib },
  inodes: { total: 1_000, free: 500 },
  pids: { total: 32_768, free: 30_000 },
};
const of = (load: Partial<MachineLoad>, more = {}) =>
  pressureOf({ ...well, ...load }, { ...defaultThresholds, ...more });

describe('pressure', () => {
  test('is none where enough is free', () => {
    expect(of({})).toEqual({});
  });

  test.each([
    [
      'memory',
      { memory: { total: 8 * gib, free: 2 ** 20 } },
      '1Mi of 8Gi memory are free, less than 100Mi',
    ],
    [
      'disk',
      { disk: { total: 100 * gib, free: 9 * gib } },
      '9Gi of 100Gi disk space are free, less than 10%',
    ],
    ['disk', { inodes: { total: 1_000, free: 49 } }, '49 of 1000 inodes are free, less than 5%'],
    ['pids', { pids: { total: 100, free: 4 } }, '4 of 100 process ids are free, less than 5%'],
  ])('of %s, with numbers', (what, load, words) => {
    expect(of(load)).toEqual({ [what]: words });
  });

  test('is not claimed of file systems that count no inodes', () => {
    expect(of({ inodes: { total: 0, free: 0 } })).toEqual({});
  });

  test('begins where a person says', () => {
    expect(of({}, { nodefsAvailable: '60Gi' })).toHaveProperty('disk');
    expect(of({}, { nodefsAvailable: '60%' })).toHaveProperty('disk');
  });

  test.each(['120%', 'much', '-1Gi%'])('%s is no threshold', (threshold) => {
    expect(() => leastOf(threshold, 100)).toThrow(/neither a share/);
  });
});
