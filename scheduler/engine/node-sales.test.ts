import { describe, expect, it } from 'vitest';
import type { Node } from '../../api/kinds.gen.ts';
import { salesErrors } from '../../api/node-sales.ts';
import { nodeRecord } from './node-record.ts';
import { dimensions } from './testing.ts';

const Gi = 1024 ** 3;

function sold(annotations: Record<string, string>) {
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110' };
  const metadata = { name: 'n', annotations };
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata,
    spec: {},
    status: { allocatable },
  };
  const { capacity } = nodeRecord(node, dimensions);
  return Object.fromEntries(capacity.map(({ resource, amount }) => [resource, amount]));
}

describe('what is sold of a node', () => {
  it.each([
    ['what its status says', {}, { cpu: 4000, memory: 8 * Gi, pods: 110 }],
    [
      'less what is reserved',
      { 'berth.dev/reserved': 'cpu=500m, memory=2Gi' },
      { cpu: 3500, memory: 6 * Gi, pods: 110 },
    ],
    [
      'what people set in its place, also of what it does not name itself',
      { 'berth.dev/capacity': 'memory=16Gi,example.com/fpga=2,pods=500' },
      { cpu: 4000, memory: 16 * Gi, pods: 500, 'example.com/fpga': 2 },
    ],
    [
      'several times, or a part of it',
      { 'berth.dev/oversell': 'memory=0.5,pods=2', 'berth.dev/cpu-oversell': '1.5' },
      { cpu: 6000, memory: 4 * Gi, pods: 220 },
    ],
    [
      'all of it: set, less the reserve, and that several times',
      {
        'berth.dev/capacity': 'memory=10Gi',
        'berth.dev/reserved': 'memory=2Gi,cpu=1',
        'berth.dev/oversell': 'memory=1.5',
        'berth.dev/cpu-oversell': '2',
      },
      { cpu: 6000, memory: 12 * Gi, pods: 110 },
    ],
    [
      'nothing below zero',
      { 'berth.dev/reserved': 'memory=9Gi' },
      { cpu: 4000, memory: 0, pods: 110 },
    ],
    [
      'as if it were not there, what makes no sense',
      {
        'berth.dev/reserved': 'memory',
        'berth.dev/oversell': 'memory=-1',
        'berth.dev/capacity': 'cpu=x',
      },
      { cpu: 4000, memory: 8 * Gi, pods: 110 },
    ],
  ])('is %s', (_, annotations, expected) => {
    expect(sold(annotations)).toEqual(expected);
  });

  it.each([
    ['berth.dev/reserved', 'memory', 'must be pairs like cpu=500m,memory=2Gi'],
    ['berth.dev/capacity', 'cpu=-1', 'must be pairs like cpu=16,memory=60Gi'],
    ['berth.dev/oversell', 'memory=0', 'must be pairs like memory=1.2'],
    ['berth.dev/oversell', 'cpu=2', 'by the annotation berth.dev/cpu-oversell'],
    ['berth.dev/cpu-oversell', '0.5', 'must be a number from 1 to 100'],
  ])('is told wrong: %s %s', (annotation, value, words) => {
    expect(salesErrors({ [annotation]: value })).toMatchObject([
      { annotation, value, message: expect.stringContaining(words) },
    ]);
  });

  it('is right in all its forms', () => {
    expect(
      salesErrors({
        'berth.dev/capacity': 'cpu=16,memory=60Gi',
        'berth.dev/reserved': 'cpu=500m',
        'berth.dev/oversell': 'memory=1.2,example.com/x=0.5',
        'berth.dev/cpu-oversell': '1.5',
      }),
    ).toEqual([]);
  });
});
