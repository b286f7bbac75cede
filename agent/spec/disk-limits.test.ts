import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { diskLimitsOf, parseDiskLimits } from './disk-limits.ts';

test('the words are those of Volumes', () => {
  expect(parseDiskLimits('{"writeIOPS": 20, "readIOPS": 100, "writeBPS": "1Mi"}')).toEqual({
    ...{ readIops: 100, writeIops: 20, writeBytesPerSecond: 1n << 20n },
  });
});

test.each([
  ['20', 'must be an object'],
  ['{', 'is no JSON'],
  ['{"iops": 20}', '"iops" is not one of readIOPS, writeIOPS, readBPS, writeBPS'],
  ['{"writeIOPS": 0}', 'writeIOPS must be a whole number above 0'],
  ['{"writeIOPS": "20"}', 'writeIOPS must be a whole number above 0'],
  ['{"writeBPS": 20}', 'writeBPS must be a quantity'],
  ['{"writeBPS": "fast"}', 'metadata.annotations[berth.dev/disk-limits]: '],
])('%s is refused', (text, why) => {
  expect(() => parseDiskLimits(text)).toThrow(why);
});

test('a pod without the annotation has no limits', async () => {
  // Nothing else of it is read.
  expect(await diskLimitsOf({ metadata: {} } as Pod, tmpdir())).toEqual([]);
});
