import { expect, it } from 'vitest';
import { formatCpuList, parseCpuList } from './cpu-list.ts';

it.each([
  ['', [], ''],
  ['0', [0], '0'],
  ['0-3,8', [0, 1, 2, 3, 8], '0-3,8'],
  [' 2,1,0 ', [0, 1, 2], '0-2'],
  ['1,3,5-6', [1, 3, 5, 6], '1,3,5-6'],
])('%s', (text, cpus, canonical) => {
  expect(parseCpuList(text)).toEqual(cpus);
  expect(formatCpuList(cpus)).toBe(canonical);
});

it.each(['a', '3-1', '0-99999', '1,,2', '-1'])('%s is none', (text) => {
  expect(parseCpuList(text)).toBeUndefined();
});
