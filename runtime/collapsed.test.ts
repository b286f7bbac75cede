import { expect, test } from 'vitest';
import { Collapsed } from './collapsed.ts';

test('what comes while a key is under way is one more run of it, and others do not wait', async () => {
  const runs: string[] = [];
  const ends: (() => void)[] = [];
  const collapsed = new Collapsed((key) => {
    runs.push(key);
    return new Promise((resolve) => ends.push(resolve));
  });
  for (let i = 0; i < 5; i += 1) collapsed.add('a');
  collapsed.add('b');
  expect(runs).toEqual(['a', 'b']);
  ends[0]?.();
  await Promise.resolve();
  expect(runs).toEqual(['a', 'b', 'a']);
  ends[2]?.();
  await new Promise(setImmediate);
  expect(runs).toEqual(['a', 'b', 'a']);
  collapsed.add('a');
  expect(runs).toEqual(['a', 'b', 'a', 'a']);
});
