/**
 * How long `berth up` takes until it is ready, and what an idle plane costs.
 * Run: npm run bench:start [-- --runs 5]. Prints one JSON object.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { systemClock } from '../../lib/clock.ts';
import { berth, cpuSeconds, removeDir, residentMiB, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' } } });
const runs = Number(values.runs);
const settleMs = 20_000;

const cold = await upPlane();
const idle = [];
await systemClock.sleep(settleMs);
for (let i = 0; i < 5; i += 1) {
  idle.push(await residentMiB(cold.pid));
  await systemClock.sleep(1_000);
}
const cpuBefore = await cpuSeconds(cold.pid);
await systemClock.sleep(settleMs);
const cpu = (await cpuSeconds(cold.pid)) - cpuBefore;
await cold.down();

const warm: number[] = [];
for (let i = 0; i < runs; i += 1) {
  const plane = await upPlane(cold.dataDir);
  warm.push(plane.readyMs);
  await plane.down();
}
const version = await times(runs, () => berth('version'));
const node = await times(runs, () => promisify(execFile)(process.execPath, ['-e', '0']));
await removeDir(cold.dataDir);

console.log(
  JSON.stringify(
    {
      firstStartMs: round(cold.readyMs),
      warmStartMs: summary(warm),
      idleResidentMiB: summary(idle),
      idleCpuPercent: round((100 * cpu * 1_000) / settleMs),
      berthVersionMs: summary(version),
      nodeMs: summary(node),
      versionOverNode: round(summary(version).median / summary(node).median),
    },
    null,
    2,
  ),
);

async function times(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const startedMs = performance.now();
    await call();
    taken.push(performance.now() - startedMs);
  }
  return taken;
}
