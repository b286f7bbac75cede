/**
 * How long it takes to know how many instances with bound cores fit on every node, and to list the cores of each.
 * `npx tsx test/bench/bound-cpu.ts [--nodes 10000] [--cores 24] [--request 1.3] [--used] [--sold 1] [--numa 1]`
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../lib/random.ts';
import { coreRequest } from '../../scheduler/dimensions/cpu-bound/cores.ts';
import { type NumaNode, numaPlans } from '../../scheduler/dimensions/cpu-bound/numa.ts';
import { corePlans, countPlans } from '../../scheduler/dimensions/cpu-bound/plans.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10000' },
    cores: { type: 'string', default: '24' },
    request: { type: 'string', default: '1.3' },
    used: { type: 'boolean', default: false },
    sold: { type: 'string', default: '1' },
    numa: { type: 'string', default: '1' },
  },
});
const cores = Number(values.cores);
const request = coreRequest(Number(values.request));
const random = seededRandom(1);
const options = { maxShared: undefined };
const most = 100 * Number(values.sold);
const memories = Number(values.numa);

/** Fresh cores, or cores of which one in two is used in part. */
const nodes = Array.from({ length: Number(values.nodes) }, () =>
  Array.from({ length: cores }, () => {
    const isUsed = values.used && random.fraction() < 0.5;
    return isUsed ? Math.floor(random.fraction() * (most / 10)) * 10 : most;
  }),
);
const numaNodes: readonly NumaNode[] = Array.from({ length: memories }, (_, id) => ({
  id,
  cores: Array.from({ length: cores / memories }, (__, i) => (id * cores) / memories + i),
  memoryFree: undefined,
}));

function measured(count: (free: readonly number[]) => number) {
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < 3; round += 1) {
    const before = process.cpuUsage();
    sum = 0;
    for (const free of nodes) sum += count(free);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return { instances: sum, cpuMs: Math.round(best * 10) / 10 };
}

const list = (free: readonly number[]) =>
  memories > 1
    ? numaPlans(free, request, options, numaNodes).length
    : corePlans(free, request, options).length;
console.log(
  JSON.stringify({
    ...values,
    counted: measured((free) => countPlans(free, request, options)),
    listed: measured(list),
  }),
);
