import { expect, test } from 'vitest';
import { expand } from './expand.ts';

const variables = new Map([
  ['A', 'one'],
  ['B', '$(A)'],
]);

test.each([
  ['$(A)', 'one'],
  ['x$(A)y$(A)', 'xoneyone'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$(B)', '$(A)'],
  ['$(C)', '$(C)'],
  ['$(A', '$(A'],
  ['$A $', '$A $'],
  ['$()', '$()'],
])('%s becomes %s', (text, expected) => {
  expect(expand(text, variables)).toBe(expected);
});
