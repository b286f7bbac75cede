import { expect, test } from 'vitest';
import { humanSize } from './image.ts';

test.each([
  [0, '0B'],
  [999, '999B'],
  [1_984_256, '1.98MB'],
  [12_345_678, '12.3MB'],
  [1e15, '1000TB'],
])('%d bytes', (bytes, text) => {
  expect(humanSize(bytes)).toBe(text);
});
