import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { wholeLines } from './journal.ts';

const linesOf = async (...chunks: readonly string[]) => {
  const lines: string[] = [];
  for await (const line of wholeLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) {
    lines.push(line);
  }
  return lines;
};

test('lines come whole, however they were cut on the way', async () => {
  expect(await linesOf('{"a":1}\n{"b', '":2}\n\n', '{"c":3}\n')).toEqual([
    '{"a":1}',
    '{"b":2}',
    '{"c":3}',
  ]);
});

test('a line that its writer could not finish is left out', async () => {
  expect(await linesOf('{"a":1}\n{"b":"cut of')).toEqual(['{"a":1}']);
  expect(await linesOf('')).toEqual([]);
});
