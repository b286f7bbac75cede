/**
 * How many decisions per second the engine makes, alone, on one thread.
 * `npx tsx test/bench/scheduler.ts --nodes 5000 --placements 20000 --strategy Spread [--mix classes|replicas|distinct] [--churn]`
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../lib/random.ts';
import { Engine } from '../../scheduler/engine/engine.ts';
import {
  type Amount,
  type PlacementRequest,
  withClassKey,
} from '../../scheduler/engine/request.ts';
import { Snapshot } from '../../scheduler/engine/snapshot.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    placements: { type: 'string', default: '20000' },
    strategy: { type: 'string', default: 'Spread' },
    mix: { type: 'string', default: 'classes' },
    churn: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
});

const nodes = Number(values.nodes);
const placements = Number(values.placements);
const random = seededRandom(Number(values.seed));
const strategies = ['Spread', 'Pack', 'Global', 'Drained'] as const;
const strategy = strategies.find((name) => name === values.strategy);
if (strategy === undefined) throw new Error(`--strategy must be one of ${strategies.join(', ')}`);

const pick = (most: number) => Math.floor(random.fraction() * most);
const Gi = 1024 ** 3;

function amounts(given: Readonly<Record<string, number>>): readonly Amount[] {
  return Object.entries(given)
    .map(([resource, amount]) => ({ resource, amount }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** Four shapes of nodes, all with eight dimensions. */
function fill(snapshot: Snapshot): void {
  const width = String(nodes).length;
  for (let i = 0; i < nodes; i += 1) {
    const cores = [16, 32, 64, 96][i % 4] ?? 16;
    snapshot.upsertNode({
      name: `node-${String(i).padStart(width, '0')}`,
      labels: {},
      traits: { ready: 'True', unschedulable: false, taints: [], runtimes: ['docker'] },
      capacity: amounts({
        pods: 110,
        cpu: cores * 1000,
        memory: cores * 4 * Gi,
        'ephemeral-storage': cores * 20 * Gi,
        'bench.dev/disk': cores * 100,
        'bench.dev/iops': cores * 1000,
        'bench.dev/bandwidth': cores * 100,
        'bench.dev/gpu': (i % 4) * 2,
      }),
    });
  }
}

function shape(): readonly Amount[] {
  const size = 1 + pick(8);
  return amounts({
    pods: 1,
    cpu: 250 * size,
    memory: (1 + pick(4)) * size * (Gi / 2),
    'ephemeral-storage': (1 + pick(10)) * Gi,
    'bench.dev/disk': 1 + pick(40),
    'bench.dev/iops': 10 * (1 + pick(50)),
    'bench.dev/bandwidth': 1 + pick(30),
    ...(pick(10) === 0 ? { 'bench.dev/gpu': 1 } : {}),
  });
}

/** `classes`: 200 shapes, each with its owner; `replicas`: runs of 1,000 equal ones; `distinct`: no two alike. */
function requests(): PlacementRequest[] {
  const shapes = Array.from({ length: 200 }, shape);
  return Array.from({ length: placements }, (_, i) => {
    const kind = values.mix === 'replicas' ? Math.floor(i / 1000) : pick(shapes.length);
    const distinct = values.mix === 'distinct';
    return withClassKey({
      uid: `pod-${i}`,
      owner: distinct ? `owner-${i}` : `owner-${kind}`,
      amounts: distinct ? shape() : (shapes[kind % shapes.length] ?? []),
      parts: [],
      nodeSelector: [],
      tolerations: [],
      runtime: 'docker',
      strategy: strategy ?? 'Spread',
      maxPerNode: undefined,
    });
  });
}

const engine = new Engine(new Snapshot());
fill(engine.snapshot);
const all = requests();
const latenciesUs = new Float64Array(all.length);
const living: string[] = [];
let placed = 0;
const cpuBefore = process.cpuUsage();
const startNs = process.hrtime.bigint();
for (const [i, request] of all.entries()) {
  const beforeNs = process.hrtime.bigint();
  const decision = engine.schedule(request);
  if (decision.type === 'placed') {
    engine.snapshot.assume(request, decision.node, decision.allocation);
    placed += 1;
    living.push(request.uid);
  }
  latenciesUs[i] = Number(process.hrtime.bigint() - beforeNs) / 1000;
  if (values.churn && i % 2 === 1) {
    const at = pick(living.length);
    const gone = living[at];
    living[at] = living.at(-1) ?? '';
    living.pop();
    if (gone !== undefined) engine.snapshot.release(gone);
  }
}
const seconds = Number(process.hrtime.bigint() - startNs) / 1e9;
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
latenciesUs.sort();
const quantile = (q: number) =>
  Math.round((latenciesUs[Math.floor(q * (all.length - 1))] ?? 0) * 10) / 10;
const { strategy: _, ...options } = values;
console.log(
  JSON.stringify({
    ...options,
    nodes,
    placements,
    strategy,
    placed,
    decisionsPerSecond: Math.round(all.length / seconds),
    decisionsPerCpuSecond: Math.round(all.length / cpuSeconds),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    maxUs: quantile(1),
    rssMiB: Math.round(process.memoryUsage().rss / 1024 ** 2),
  }),
);
