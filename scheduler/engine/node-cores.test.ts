import { expect, it } from 'vitest';
import type { Node } from '../../api/kinds.gen.ts';
import { coresOf, oversellOf } from './node-cores.ts';

function node(annotations: Readonly<Record<string, string>>): Node {
  const named = Object.entries(annotations).map(([name, value]) => [`berth.dev/${name}`, value]);
  const metadata = { annotations: Object.fromEntries(named) };
  return { apiVersion: 'v1', kind: 'Node', metadata, spec: {} };
}

it.each([
  [{}, undefined],
  [{ cores: '' }, undefined],
  [{ cores: 'all' }, undefined],
  [{ cores: '0-2,8' }, { ids: [0, 1, 2, 8], pieces: 100, numa: [] }],
  [
    { cores: '0', 'cpu-oversell': '2.5' },
    { ids: [0], pieces: 250, numa: [] },
  ],
  [
    { cores: '0', 'cpu-oversell': 'lots' },
    { ids: [0], pieces: 100, numa: [] },
  ],
  [
    { cores: '0', 'cpu-max-shared': '0' },
    { ids: [0], pieces: 100, numa: [], maxShared: 0 },
  ],
  [
    { cores: '2-5', 'numa-nodes': '{"1":{"cores":"4-5"},"0":{"cores":"2,3","memory":"1Gi"}}' },
    {
      ids: [2, 3, 4, 5],
      pieces: 100,
      numa: [
        { id: 0, cores: [0, 1], memory: 1024 ** 3 },
        { id: 1, cores: [2, 3] },
      ],
    },
  ],
  // One memory is no choice, and what makes no sense is none.
  [
    { cores: '0-1', 'numa-nodes': '{"0":{"cores":"0-1"}}' },
    { ids: [0, 1], pieces: 100, numa: [] },
  ],
  [
    { cores: '0-1', 'numa-nodes': '[' },
    { ids: [0, 1], pieces: 100, numa: [] },
  ],
])('%j', (annotations, expected) => {
  expect(coresOf(node(annotations))).toEqual(expected);
});

it.each([
  [{}, 1],
  [{ 'cpu-oversell': '2' }, 2],
  [{ 'cpu-oversell': '0.5' }, 1],
  [{ 'cpu-oversell': '1e9' }, 1],
])('sold: %j', (annotations, times) => {
  expect(oversellOf(node(annotations))).toBe(times);
});
