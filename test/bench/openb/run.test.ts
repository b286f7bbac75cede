import { describe, expect, it } from 'vitest';
import { packFor } from '../../../scheduler/strategies/pack/pack.ts';
import { fgd, typicalPods } from './fgd.ts';
import type { Policy } from './policy.ts';
import { bestFit, clustering, dotProduct, packing } from './published.ts';
import { run } from './run.ts';
import type { TraceNode, TracePod } from './trace.ts';

const nodes: TraceNode[] = [
  { name: 'openb-node-0000', cpuMilli: 64_000, memoryMiB: 1000, gpus: 2, model: 'T4' },
  { name: 'openb-node-0001', cpuMilli: 32_000, memoryMiB: 1000, gpus: 2, model: 'P100' },
];

function pod(name: string, gpus: number, gpuMilli: number, more: Partial<TracePod> = {}): TracePod {
  return { name, cpuMilli: 1000, memoryMiB: 10, gpus, gpuMilli, gpuSpec: '', ...more };
}

const pods = [
  pod('p0', 1, 500),
  pod('p1', 1, 1000),
  pod('p2', 2, 1000),
  pod('p3', 1, 500, { gpuSpec: 'P100|A10' }),
  pod('p4', 1, 500, { memoryMiB: 2000 }),
];

const policies: readonly (readonly [string, () => Policy])[] = [
  ['BestFit', bestFit],
  ['DotProd', dotProduct],
  ['Packing', packing],
  ['Clustering', clustering],
  ['FGD', () => fgd(pods)],
  ['Pack', () => ({ strategy: packFor(typicalPods(pods)) })],
];

describe('a run of the trace', () => {
  it.each(policies)('%s: refuses what no node has, and counts by arrived demand', (_, policy) => {
    const result = run(nodes, pods, { pods: [4, 0, 3, 2], nodes: [0, 1] }, policy());
    // Half a device of four is 12.5 %: 12, the even neighbour. The first is refused for its memory.
    expect(result.columns[12]).toBe(0);
    expect(result.columns[25]).toBe(12.5);
    expect(result.columns.filter((value) => value !== null)).toHaveLength(4);
    expect(result.columns[130]).toBeNull();
    expect(result.placed).toBe(result.unallocatedGpus === 1 ? 3 : 2);
  });

  it('breaks ties by the order of nodes that the seed gives', () => {
    const alike = nodes.map((node) => ({ ...node, cpuMilli: 64_000 }));
    // Packing looks at GPUs alone: the first of two empty nodes, and then the other for two whole devices.
    const spec = [pod('a', 1, 500), pod('b', 2, 1000, { gpuSpec: 'T4' })];
    const first = run(alike, spec, { pods: [0, 1], nodes: [1, 0] }, packing());
    const second = run(alike, spec, { pods: [0, 1], nodes: [0, 1] }, packing());
    expect([first.placed, second.placed]).toEqual([2, 1]);
  });

  it.each([
    // It fills the smaller node, where the second would have gone.
    ['BestFit', bestFit, 1],
    // Less than a whole score of difference: the first of equals wins.
    ['DotProd', dotProduct, 2],
    // These look at GPUs only.
    ['Packing', packing, 2],
    ['Clustering', clustering, 2],
  ] as const)('%s chooses between nodes of different size', (_, policy, placed) => {
    const list = [pod('a', 1, 500), pod('b', 2, 1000, { gpuSpec: 'P100' })];
    expect(run(nodes, list, { pods: [0, 1], nodes: [0, 1] }, policy()).placed).toBe(placed);
  });
});

describe('typical pods', () => {
  it('are the most frequent until they cover 95 %, and then are all there is', () => {
    const many = [
      ...Array.from({ length: 90 }, (_, i) => pod(`a${i}`, 1, 500)),
      ...Array.from({ length: 8 }, (_, i) => pod(`b${i}`, 0, 0)),
      pod('c', 8, 1000),
      pod('d', 4, 1000),
    ];
    const typical = typicalPods(many);
    expect(typical.map(({ devices, milli }) => [devices, milli])).toEqual([
      [1, 500],
      [0, 0],
    ]);
    expect(typical.reduce((sum, { frequency }) => sum + frequency, 0)).toBeCloseTo(1);
  });
});
