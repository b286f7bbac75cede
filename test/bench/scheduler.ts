/**
 * How many decisions per second the engine makes, alone, on one thread.
 * `npm run bench:scheduler -- --nodes 20000 --dimensions 8 --placements 50000 --mix classes|distinct|replicas|groups|gpus [--churn]
 * [--strategy Spread|Pack|Global|Drained] [--batch N]` prints one line of JSON. Equal replicas come in batches, all others
 * one by one, unless told otherwise; of a batch the mean counts for each. With `--cpu` times are those of the processor,
 * of all the process's threads, in place of the clock's: for a machine that others keep busy. `longestMs` is the longest
 * that nothing else could run, by the clock, without the pauses of the garbage collector, which stand beside it.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Engine } from '../../scheduler/engine/engine.ts';
import type { PlacementRequest } from '../../scheduler/engine/request.ts';
import { Snapshot } from '../../scheduler/engine/snapshot.ts';
import { nameFlag, orUsage, wholeFlag } from './flags.ts';
import { fill, type MixOptions, mixes, requestsOf } from './scheduler/mix.ts';
import { Stretches, tenth } from './scheduler/stretches.ts';

const usage =
  'npm run bench:scheduler -- --nodes N --dimensions D --placements M --mix NAME [--churn] [--strategy NAME]';

/** As many as the scheduler takes from its queue at once. */
const replicaBatch = 256;

const { options, churn, batch, byCpu } = await orUsage(usage, () => {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '5000' },
      dimensions: { type: 'string', default: '8' },
      placements: { type: 'string', default: '20000' },
      strategy: { type: 'string', default: 'Spread' },
      mix: { type: 'string', default: 'classes' },
      churn: { type: 'boolean', default: false },
      batch: { type: 'string' },
      cpu: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
    },
  });
  const mix = nameFlag('mix', values.mix, mixes);
  const asked: MixOptions = {
    nodes: wholeFlag('nodes', values.nodes, 1),
    dimensions: wholeFlag('dimensions', values.dimensions, 1),
    placements: wholeFlag('placements', values.placements, 1),
    strategy: nameFlag('strategy', values.strategy, ['Spread', 'Pack', 'Global', 'Drained']),
    mix,
    seed: wholeFlag('seed', values.seed, 0),
  };
  const many = values.batch ?? String(mix === 'replicas' ? replicaBatch : 1);
  const { churn: isChurning, cpu } = values;
  return { options: asked, churn: isChurning, batch: wholeFlag('batch', many, 1), byCpu: cpu };
});

const engine = new Engine(new Snapshot());
fill(engine.snapshot, options);
const { requests, pick } = requestsOf(options);

/** The node of each, in order; empty where it was refused. */
const nodesOfAll: string[] = [];

/** Uids of those that were placed. */
function decide(some: readonly PlacementRequest[]): readonly string[] {
  const [one] = some;
  if (some.length > 1 || one === undefined) {
    const decisions = engine.scheduleBatch(some);
    for (const each of decisions) nodesOfAll.push(each.type === 'placed' ? each.node : '');
    return some.filter((_, i) => decisions[i]?.type === 'placed').map(({ uid }) => uid);
  }
  const decision = engine.place(one);
  nodesOfAll.push(decision?.node ?? '');
  if (decision === undefined) return [];
  engine.snapshot.assume(one, decision.node, decision.allocation);
  return [one.uid];
}

function leave(at: number): void {
  const gone = living[at];
  living[at] = living.at(-1) ?? '';
  living.pop();
  if (gone !== undefined) engine.snapshot.release(gone);
}

/** Microseconds, from any beginning. */
function now(): number {
  if (!byCpu) return performance.now() * 1000;
  const { user, system } = process.cpuUsage();
  return user + system;
}

const stretches = new Stretches();

/** As the scheduler does, with a turn of the event loop after each part. */
function prepare(some: readonly PlacementRequest[]): void {
  for (const request of some) {
    for (let isDone = false; !isDone; ) {
      const startMs = performance.now();
      isDone = engine.prepare(request);
      stretches.note(startMs);
    }
  }
}

const latenciesUs = new Float64Array(requests.length);
const living: string[] = [];
let placed = 0;
/** Instances that have to go yet: one for every two that came. */
let leaving = 0;
stretches.start();
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
for (let from = 0; from < requests.length; from += batch) {
  const some = requests.slice(from, from + batch);
  prepare(some);
  const stretchMs = performance.now();
  const before = now();
  const uids = decide(some);
  latenciesUs.fill((now() - before) / some.length, from, from + batch);
  stretches.note(stretchMs);
  placed += uids.length;
  living.push(...uids);
  leaving += churn ? some.length / 2 : 0;
  for (; leaving >= 1 && living.length > 0; leaving -= 1) leave(pick(living.length));
}
const seconds = (performance.now() - startMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
const pauses = await stretches.stop();
latenciesUs.sort();
const quantile = (q: number) => tenth(latenciesUs[Math.floor(q * (requests.length - 1))] ?? 0);
console.log(
  JSON.stringify({
    ...options,
    churn,
    placed,
    // Two versions that decide alike print the same.
    fingerprint: createHash('sha256').update(nodesOfAll.join(' ')).digest('hex').slice(0, 12),
    decisionsPerSecond: Math.round(requests.length / seconds),
    decisionsPerCpuSecond: Math.round(requests.length / cpuSeconds),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    maxUs: quantile(1),
    ...pauses,
    rssMiB: Math.round(process.memoryUsage().rss / 1024 ** 2),
  }),
);
