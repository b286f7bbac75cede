import { expect, test } from 'vitest';
import { queryFlag } from './query-flag.ts';

test('a flag is true for anything but 0 and false', () => {
  const is = (query: string) => queryFlag(new URLSearchParams(query), 'watch');
  expect(['watch=1', 'watch', 'watch=True', 'watch=maybe'].map(is)).not.toContain(false);
  expect(['watch=0', 'watch=false', 'watch=False', ''].map(is)).not.toContain(true);
});
