import { expect, test } from 'vitest';
import { parseNodeUsage, readNodeUsage } from './node-usage.ts';

const stat = 'cpu  100 20 30 9999 888 4 5 6 70 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
const meminfo = [
  'MemTotal:       1000 kB',
  'MemFree:         400 kB',
  'MemAvailable:    700 kB',
  'Inactive:        250 kB',
  'Inactive(file):  200 kB',
  '',
].join('\n');

test('CPU without idling, stolen and guest time; memory without what is free or inactive', () => {
  expect(parseNodeUsage(stat, meminfo)).toEqual({
    cpuNanos: 1_590_000_000n,
    workingSetBytes: 400n * 1024n,
    availableBytes: 700n * 1024n,
  });
});

test('this machine', async () => {
  const before = await readNodeUsage();
  const after = await readNodeUsage();
  expect(before.cpuNanos).toBeGreaterThan(0n);
  expect(after.cpuNanos).toBeGreaterThanOrEqual(before.cpuNanos);
  expect(after.workingSetBytes).toBeGreaterThan(0n);
});
