/** What `bench:openb` is told: files, policy and seeds. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { packFor } from '../../../scheduler/strategies/pack/pack.ts';
import { givenPath } from '../../harness/given-path.ts';
import { nameFlag } from '../flags.ts';
import { fgd, typicalPods } from './fgd.ts';
import type { Policy } from './policy.ts';
import { bestFit, clustering, dotProduct, packing } from './published.ts';
import {
  type Orders,
  readNodes,
  readOrders,
  readPods,
  type TraceNode,
  type TracePod,
} from './trace.ts';

const policies = {
  BestFit: bestFit,
  DotProd: dotProduct,
  Packing: packing,
  Clustering: clustering,
  FGD: fgd,
  // Berth's own, told of the same typical pods as FGD.
  Pack: (pods: readonly TracePod[]): Policy => ({ strategy: packFor(typicalPods(pods)) }),
  // The names the published table has for two of them.
  GpuPacking: packing,
  GpuClustering: clustering,
} as const;

const policyNames = [
  'BestFit',
  'DotProd',
  'Packing',
  'Clustering',
  'FGD',
  'Pack',
  'GpuPacking',
  'GpuClustering',
] as const;

export interface Experiment {
  readonly workload: string;
  readonly nodes: readonly TraceNode[];
  readonly pods: readonly TracePod[];
  /** As it was given. */
  readonly policyName: string;
  newPolicy(): Policy;
  readonly seeds: readonly (readonly [seed: number, order: Orders])[];
}

/** Reads the files too; throws with the flag's or the file's name. */
export async function readExperiment(args: readonly string[]): Promise<Experiment> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: 'string' },
      pods: { type: 'string' },
      orders: { type: 'string' },
      policy: { type: 'string', default: 'Pack' },
      seeds: { type: 'string', default: '42-51' },
    },
  });
  const file = (flag: 'nodes' | 'pods' | 'orders') => {
    const path = values[flag];
    if (path === undefined) throw new Error(`--${flag} is missing: give the path of a file`);
    return givenPath(path);
  };
  // The published table numbers its policies: 06-FGD.
  const name = nameFlag('policy', values.policy.replace(/^\d+-/, ''), policyNames);
  const wanted = seedsOf(values.seeds);
  const nodes = await readNodes(file('nodes'));
  const pods = await readPods(file('pods'));
  const orders = await readOrders(file('orders'));
  const seeds = wanted.map((seed) => {
    const order = orders.get(seed);
    if (order === undefined) {
      throw new Error(`--seeds ${seed}: ${file('orders')} has ${[...orders.keys()].join(', ')}`);
    }
    return [seed, order] as const;
  });
  return {
    workload: basename(file('pods'), '.csv'),
    nodes,
    pods,
    policyName: values.policy,
    newPolicy: () => policies[name](pods),
    seeds,
  };
}

/** `42`, `42-51` or `42,44-46`. */
export function seedsOf(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim());
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last - first > 10_000) {
      throw new Error(`--seeds ${text}: write 42, 42-51 or 42,44-46`);
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
