import { expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { defaultThresholds } from './pressure.ts';
import { PressureWatch } from './pressure-watch.ts';

const { signal } = new AbortController();

test('a disk that becomes full makes room once, and may be well by that', async () => {
  const plenty = { total: 100, free: 100 };
  let free = 50;
  let gives = 30;
  let reclaims = 0;
  const watch = new PressureWatch({
    thresholds: { ...defaultThresholds, memoryAvailable: '5%' },
    readLoad: async () => ({
      memory: plenty,
      disk: { total: 100, free },
      inodes: plenty,
      pids: plenty,
    }),
    images: {
      reclaim: async () => {
        reclaims += 1;
        free += gives;
        return gives;
      },
    },
    log: silentLog,
    signal,
  });
  expect(await watch.look()).toEqual({});
  free = 5;
  expect(await watch.look()).toEqual({});
  expect(await watch.look()).toEqual({});
  expect(reclaims).toBe(1);
  free = 5;
  gives = 0;
  expect(await watch.look()).toHaveProperty('disk');
  expect(await watch.look()).toHaveProperty('disk');
  expect(reclaims).toBe(2);
});
