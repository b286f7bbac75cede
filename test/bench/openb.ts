/**
 * The openb trace (Alibaba's GPU cluster, 2023) through Berth's engine, beside its published results.
 * `npm run bench:openb -- --nodes nodes.csv --pods pods.csv --orders orders.json.gz --policy FGD [--seeds 42-51]`
 * prints one JSON line a seed: allocated GPUs in %, by arrived demand of 0 to 130 % of capacity.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { packFor } from '../../scheduler/strategies/pack/pack.ts';
import { fgd, typicalPods } from './openb/fgd.ts';
import type { Policy } from './openb/policy.ts';
import { bestFit, clustering, dotProduct, packing } from './openb/published.ts';
import { run } from './openb/run.ts';
import { readNodes, readOrders, readPods, type TracePod } from './openb/trace.ts';

const policies: Readonly<Record<string, (pods: readonly TracePod[]) => Policy>> = {
  BestFit: bestFit,
  DotProd: dotProduct,
  Packing: packing,
  Clustering: clustering,
  FGD: fgd,
  // Berth's own, told of the same typical pods as FGD.
  Pack: (pods) => ({ strategy: packFor(typicalPods(pods)) }),
};
/** The names the published table has for two of them. */
const synonyms: Readonly<Record<string, string>> = {
  GpuPacking: 'Packing',
  GpuClustering: 'Clustering',
};

/** The orders are of runs whose arrivals were tuned to so much of the capacity. */
const tuned = 1.3;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string' },
    pods: { type: 'string' },
    orders: { type: 'string' },
    policy: { type: 'string', default: 'Pack' },
    seeds: { type: 'string', default: '42-51' },
  },
});

function file(name: 'nodes' | 'pods' | 'orders'): string {
  const path = values[name];
  if (path === undefined) throw new Error(`--${name} is missing: give the path of a file`);
  return path;
}

/** `42`, `42-51` or `42,44-46`. */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) throw new Error(`--seeds ${text}: write 42, 42-51 or 42,44-46`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  });
}

const name = synonyms[values.policy] ?? values.policy;
const policy = policies[name];
if (policy === undefined) {
  throw new Error(`--policy ${values.policy}: must be one of ${Object.keys(policies).join(', ')}`);
}
const nodes = await readNodes(file('nodes'));
const pods = await readPods(file('pods'));
const orders = await readOrders(file('orders'));
for (const seed of seedsOf(values.seeds)) {
  const order = orders.get(seed);
  if (order === undefined) throw new Error(`--seeds: the orders have no seed ${seed}`);
  const startMs = performance.now();
  const result = run(nodes, pods, order, policy(pods));
  // The row of the published table, by its names; a column without an arrival is null.
  const row = Object.fromEntries(result.columns.map((value, percent) => [percent, value]));
  console.log(
    JSON.stringify({
      workload: basename(file('pods'), '.csv'),
      sc_policy: values.policy,
      tune: tuned,
      seed,
      total_gpus: nodes.reduce((sum, node) => sum + node.gpus, 0),
      arrivals: order.pods.length,
      placed: result.placed,
      unallocatedGpus: Math.round(result.unallocatedGpus * 1000) / 1000,
      ms: Math.round(performance.now() - startMs),
      ...row,
    }),
  );
}
