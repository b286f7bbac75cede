/**
 * How many decisions per second the engine makes, alone, on one thread.
 * `npm run bench:scheduler -- --nodes 20000 --dimensions 8 --placements 50000 --mix classes|distinct|replicas [--churn]
 * [--strategy Spread|Pack|Global|Drained]` prints one line of JSON.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Engine } from '../../scheduler/engine/engine.ts';
import { Snapshot } from '../../scheduler/engine/snapshot.ts';
import { fill, type MixOptions, mixes, requestsOf } from './scheduler/mix.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    dimensions: { type: 'string', default: '8' },
    placements: { type: 'string', default: '20000' },
    strategy: { type: 'string', default: 'Spread' },
    mix: { type: 'string', default: 'classes' },
    churn: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
  },
});

function oneOf<T extends string>(option: string, given: string, names: readonly T[]): T {
  const found = names.find((name) => name === given);
  if (found === undefined) throw new Error(`--${option} must be one of ${names.join(', ')}`);
  return found;
}

function whole(option: 'nodes' | 'dimensions' | 'placements' | 'seed', least: number): number {
  const number = Number(values[option]);
  if (Number.isInteger(number) && number >= least) return number;
  throw new Error(`--${option} ${values[option]}: must be a whole number, at least ${least}`);
}

const options: MixOptions = {
  nodes: whole('nodes', 1),
  dimensions: whole('dimensions', 2),
  placements: whole('placements', 1),
  strategy: oneOf('strategy', values.strategy, ['Spread', 'Pack', 'Global', 'Drained']),
  mix: oneOf('mix', values.mix, mixes),
  seed: whole('seed', 0),
};

/** Pauses of the garbage collector. */
const pausesMs: number[] = [];
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) pausesMs.push(entry.duration);
});

const engine = new Engine(new Snapshot());
fill(engine.snapshot, options);
const { requests, pick } = requestsOf(options);
const latenciesUs = new Float64Array(requests.length);
const living: string[] = [];
let placed = 0;
observer.observe({ entryTypes: ['gc'] });
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
for (const [i, request] of requests.entries()) {
  const beforeMs = performance.now();
  const decision = engine.place(request);
  if (decision !== undefined) {
    engine.snapshot.assume(request, decision.node, decision.allocation);
    placed += 1;
    living.push(request.uid);
  }
  latenciesUs[i] = (performance.now() - beforeMs) * 1000;
  if (values.churn && i % 2 === 1 && living.length > 0) {
    const at = pick(living.length);
    const gone = living[at];
    living[at] = living.at(-1) ?? '';
    living.pop();
    if (gone !== undefined) engine.snapshot.release(gone);
  }
}
const seconds = (performance.now() - startMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
// The observer is told of pauses after the loop has let go of the thread.
await new Promise((resolve) => setTimeout(resolve, 10));
observer.disconnect();
latenciesUs.sort();
const tenth = (number: number) => Math.round(number * 10) / 10;
const quantile = (q: number) => tenth(latenciesUs[Math.floor(q * (requests.length - 1))] ?? 0);
console.log(
  JSON.stringify({
    ...options,
    churn: values.churn,
    placed,
    decisionsPerSecond: Math.round(requests.length / seconds),
    decisionsPerCpuSecond: Math.round(requests.length / cpuSeconds),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    maxUs: quantile(1),
    gc: {
      pauses: pausesMs.length,
      totalMs: tenth(pausesMs.reduce((sum, pause) => sum + pause, 0)),
      maxMs: tenth(Math.max(0, ...pausesMs)),
    },
    rssMiB: Math.round(process.memoryUsage().rss / 1024 ** 2),
  }),
);
