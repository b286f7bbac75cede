/**
 * The openb trace (Alibaba's GPU cluster, 2023) through Berth's engine, beside its published results.
 * `npm run bench:openb -- --nodes nodes.csv --pods pods.csv --orders orders.json.gz --policy FGD [--seeds 42-51]`
 * prints one JSON line a seed: allocated GPUs in %, by arrived demand of 0 to 130 % of capacity.
 */
import { orUsage } from './flags.ts';
import { readExperiment } from './openb/flags.ts';
import { run } from './openb/run.ts';

const usage =
  'npm run bench:openb -- --nodes FILE --pods FILE --orders FILE [--policy NAME] [--seeds 42-51]';

/** The orders are of runs whose arrivals were tuned to so much of the capacity. */
const tuned = 1.3;

const experiment = await orUsage(usage, () => readExperiment(process.argv.slice(2)));
const { workload, nodes, pods, policyName, newPolicy, seeds } = experiment;
for (const [seed, order] of seeds) {
  const startMs = performance.now();
  // Orders of another workload name pods that there are not.
  const result = await orUsage(usage, () => run(nodes, pods, order, newPolicy()));
  // The row of the published table, by its names; a column without an arrival is null.
  const row = Object.fromEntries(result.columns.map((value, percent) => [percent, value]));
  console.log(
    JSON.stringify({
      workload,
      sc_policy: policyName,
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
