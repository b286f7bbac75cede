import { afterEach, expect, test } from 'vitest';
import type { Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { workloads } from '../../api/resources.gen.ts';
import { parseCron } from '../../lib/cron-schedule.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { workloadController } from '../workload/controller.ts';
import { manualJob, manualName } from './child.ts';
import { dueAt } from './due.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;
const minute = 60_000;

async function setup(fields: JsonObject = {}) {
  let bench = createBench();
  const start = async (after?: Bench) => {
    bench = after === undefined ? bench : createBench({ after });
    benches.push(bench);
    bench.run(workloadController(bench));
    await bench.start();
  };
  await start();
  const { api } = bench;
  const template = {
    metadata: { labels: { app: 'tick' } },
    spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'i' }] },
  };
  const selector = { matchLabels: { app: 'tick' } };
  const spec = { type: 'Cron', schedule: '*/5 * * * *', selector, template, ...fields };
  await api.create(workloads, object(workloads, 'a/tick', { spec }), { signal });
  await bench.pass();
  const cron = () => api.peek<Workload>(workloads, 'a/tick')!;
  const name = ({ metadata }: Workload) => metadata.name ?? '';
  const jobs = () => api.all<Workload>(workloads).filter((each) => name(each) !== 'tick');
  const names = () => jobs().map(name).sort();
  const finish = async (job: Workload, type: 'Complete' | 'Failed') => {
    const at = new Date(bench.clock.now()).toISOString();
    const conditions = [{ type, status: 'True', lastTransitionTime: at }];
    const status = { conditions, ...(type === 'Complete' ? { completionTime: at } : {}) };
    await bench.patch(workloads, `a/${name(job)}`, { status }, 'status');
    await bench.pass();
  };
  const restart = async () => {
    await bench.stop();
    benches.pop();
    await start(bench);
  };
  const set = async (change: JsonObject) => {
    await bench.patch(workloads, 'a/tick', { spec: change });
    await bench.pass();
  };
  const pass = (ms?: number) => bench.pass(ms);
  return { api, cron, jobs, names, finish, restart, set, pass };
}

/** The bench's clock begins at 2026-01-01T00:00:00Z, a minute that counts so many. */
const base = Date.UTC(2026, 0, 1) / minute;

test('a job at each time, by the minute, and the status tells', async () => {
  const { cron, jobs, names, finish, pass } = await setup();
  expect(cron().status).toMatchObject({
    active: 0,
    nextScheduleTime: '2026-01-01T00:05:00Z',
    summary: 'Next 2026-01-01T00:05:00Z',
  });
  await pass(5 * minute);
  expect(names()).toEqual([`tick-${base + 5}`]);
  const [job] = jobs();
  expect(job?.spec).toMatchObject({
    type: 'Job',
    selector: { matchLabels: { 'berth.dev/workload': `tick-${base + 5}` } },
    template: { metadata: { labels: { app: 'tick' } } },
  });
  expect(job?.spec.schedule).toBeUndefined();
  expect(job?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Workload', name: 'tick' });
  expect(cron().status).toMatchObject({
    active: 1,
    lastScheduleTime: '2026-01-01T00:05:00Z',
    summary: 'Running 1',
  });
  await finish(job!, 'Complete');
  expect(cron().status).toMatchObject({ active: 0, lastSuccessfulTime: '2026-01-01T00:05:00Z' });
});

test('Allow, Forbid and Replace', async () => {
  const allow = await setup();
  await allow.pass(10 * minute);
  expect(allow.names()).toEqual([`tick-${base + 5}`, `tick-${base + 10}`]);
  const forbid = await setup({ concurrencyPolicy: 'Forbid' });
  await forbid.pass(12 * minute);
  expect(forbid.names()).toEqual([`tick-${base + 5}`]);
  // The time that was missed comes when the first is finished.
  await forbid.finish(forbid.jobs()[0]!, 'Complete');
  expect(forbid.names()).toEqual([`tick-${base + 5}`, `tick-${base + 10}`]);
  const replace = await setup({ concurrencyPolicy: 'Replace' });
  await replace.pass(10 * minute);
  expect(replace.names()).toEqual([`tick-${base + 10}`]);
});

test('history: three that succeeded and one that failed', async () => {
  const { names, jobs, finish, pass } = await setup();
  for (let i = 1; i <= 6; i += 1) {
    await pass(5 * minute);
    const job = jobs().find(({ status }) => status?.conditions?.[0]?.type === undefined);
    const active = jobs().find((each) => each.metadata.name === `tick-${base + 5 * i}`);
    await finish(active ?? job!, i % 3 === 0 ? 'Failed' : 'Complete');
  }
  expect(names()).toEqual([10, 20, 25, 30].map((at) => `tick-${base + at}`));
});

test('suspended: none; afterwards the last one that was missed', async () => {
  const { names, set, cron, pass } = await setup({ running: false });
  await pass(32 * minute);
  expect(names()).toEqual([]);
  expect(cron().status).toMatchObject({ summary: 'Suspended' });
  await set({ running: true });
  expect(names()).toEqual([`tick-${base + 30}`]);
});

test('what is missed for longer than the deadline is left out', async () => {
  const { names, set, pass } = await setup({ running: false, startingDeadlineSeconds: 60 });
  await pass(32 * minute);
  await set({ running: true });
  expect(names()).toEqual([]);
  await pass(3 * minute);
  expect(names()).toEqual([`tick-${base + 35}`]);
});

test('killed between making a job and saying so: no second one, even if the first is not kept', async () => {
  const { api, names, restart, pass, jobs, finish, cron } = await setup({
    successfulJobsHistoryLimit: 0,
  });
  let dead = false;
  api.before = ({ verb, resource, subresource }) => {
    if (resource.resource !== 'workloads') return;
    if (verb === 'patch' && subresource === 'status') dead ||= jobs().length > 0;
    if (dead && verb !== 'list' && verb !== 'watch' && verb !== 'get') throw new Error('killed');
  };
  await pass(5 * minute);
  expect(names()).toEqual([`tick-${base + 5}`]);
  expect(cron().status?.lastScheduleTime).toBeUndefined();
  api.before = () => {};
  await restart();
  await pass();
  await finish(jobs()[0]!, 'Complete');
  expect(names()).toEqual([]);
  await pass(minute);
  expect(names()).toEqual([]);
});

test('a schedule that makes no sense is told', async () => {
  const { cron, set } = await setup({ schedule: '0 0 L * *' });
  expect(cron().status?.conditions).toMatchObject([{ type: 'Stalled', reason: 'InvalidSchedule' }]);
  await set({ schedule: '@hourly' });
  expect(cron().status?.conditions ?? []).toEqual([]);
});

test('by hand: a job like the others, whether or not it is time', async () => {
  const { cron } = await setup({ running: false });
  const job = manualJob(cron(), manualName(cron(), 'x2k5q'));
  expect(job.metadata).toMatchObject({
    name: 'tick-manual-x2k5q',
    ownerReferences: [{ uid: cron().metadata.uid, controller: true }],
  });
  expect(job.spec).toMatchObject({ type: 'Job' });
  expect(job.spec.running).toBeUndefined();
});

test('a long absence costs little, and is told', () => {
  const now = Date.UTC(2026, 6, 1, 12, 0, 30);
  const due = dueAt(parseCron('* * * * *'), Date.UTC(2025, 0, 1), now, undefined);
  expect(due).toEqual({
    timeMs: now - 30_000,
    nextMs: now + 30_000,
    tooManyMissed: true,
  });
  const yearly = dueAt(parseCron('@yearly'), Date.UTC(2020, 5, 1), now, undefined);
  expect(yearly).toMatchObject({ timeMs: Date.UTC(2026, 0, 1), tooManyMissed: false });
});
