import { expect, test } from 'vitest';
import { takesGzip } from './gzip.ts';

test.each([
  ['gzip', true],
  ['gzip, deflate, br', true],
  ['br;q=1.0, GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip; q=0.0, identity', false],
  ['deflate, xgzip', false],
  ['*', false],
  ['', false],
  [undefined, false],
])('Accept-Encoding: %s', (header, takes) => {
  expect(takesGzip(header)).toBe(takes);
});
