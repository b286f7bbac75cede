import { expect, test } from 'vitest';
import type { Node } from '../../api/kinds.gen.ts';
import { bytesOf, disksOf } from './node-disks.ts';

const node = (disks: string | undefined): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  spec: {},
  metadata: {
    name: 'n1',
    ...(disks === undefined ? {} : { annotations: { 'berth.dev/disks': disks } }),
  },
});

test('amounts are exact numbers, also those beyond all measure', () => {
  expect(bytesOf('1Ki')).toBe(1024);
  expect(bytesOf('8Ei')).toBe(Number.MAX_SAFE_INTEGER);
  expect(bytesOf('-1')).toBeUndefined();
});

test('disks are read with their sizes, rates and what was left on them, in order of name', () => {
  const disks = [
    { name: 'b', class: 'ssd', path: '/b', capacity: '1Ki', writeIOPS: 5, readBPS: '1M' },
    {
      name: 'a',
      class: 'local',
      path: '/a',
      capacity: '2Ki',
      retained: [{ uid: 'u', namespace: 'n', name: 'v', size: '1Ki' }, { uid: 'no size' }],
    },
  ];
  const any = Number.POSITIVE_INFINITY;
  expect(disksOf(node(JSON.stringify(disks)))).toEqual([
    {
      name: 'a',
      class: 'local',
      size: 2048,
      readIops: any,
      writeIops: any,
      readBps: any,
      writeBps: any,
      retained: [{ uid: 'u', size: 1024 }],
    },
    {
      name: 'b',
      class: 'ssd',
      size: 1024,
      readIops: any,
      writeIops: 5,
      readBps: 1_000_000,
      writeBps: any,
      retained: [],
    },
  ]);
});

test.each([
  undefined,
  '',
  'no JSON',
  '{}',
  '[1, {"name": "a"}, {"capacity": "1Gi"}, {"name": "b", "capacity": "-1"}]',
])('%s is no disk', (text) => {
  expect(disksOf(node(text))).toEqual([]);
});
