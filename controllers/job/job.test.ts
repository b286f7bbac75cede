import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { type Bench, createBench } from '../../test/harness/controller-bench.ts';
import { object } from '../../test/harness/fake-api.ts';
import { workloadController } from '../workload/controller.ts';
import { passMax } from '../workload/plan.ts';
import { trackingFinalizer } from './job-pod.ts';
import { planJob } from './plan.ts';
import { jobPodReleaseController } from './release-controller.ts';
import { jobSpecOf } from './spec.ts';
import { tallyOf } from './tally.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;

function specOf(fields: JsonObject = {}): JsonObject {
  const spec = { containers: [{ name: 'main', image: 'i' }], restartPolicy: 'Never' };
  return {
    type: 'Job',
    selector: { matchLabels: { app: 'job' } },
    template: { metadata: { labels: { app: 'job' } }, spec },
    ...fields,
  };
}

/** Controllers of a new process, on what is there. */
async function startOn(after?: Bench): Promise<Bench> {
  const bench = createBench(after === undefined ? {} : { after });
  bench.run(workloadController(bench));
  bench.run(jobPodReleaseController(bench));
  await bench.start();
  return bench;
}

const name = (pod: Pod) => pod.metadata.name ?? '';
const ended = ({ status }: Pod) => status?.phase === 'Failed' || status?.phase === 'Succeeded';

async function setup(fields: JsonObject = {}) {
  let bench = await startOn();
  benches.push(bench);
  const { api, clock } = bench;
  await api.create(workloads, object(workloads, 'a/job', { spec: specOf(fields) }), { signal });
  await bench.pass();
  const all = () => [...api.all<Pod>(pods)].sort((x, y) => (name(x) < name(y) ? -1 : 1));
  const active = () => all().filter((pod) => !ended(pod));
  const job = () => api.peek<Workload>(workloads, 'a/job');
  const status = () => job()?.status ?? {};
  const condition = (type: string) => status().conditions?.find((each) => each.type === type);
  /** As an agent tells it. */
  const end = async (pod: Pod, exitCode: number, more: JsonObject = {}) => {
    const at = new Date(clock.now()).toISOString();
    const terminated = { exitCode, startedAt: at, finishedAt: at, ...more };
    const containerStatuses = [{ name: 'main', image: 'i', state: { terminated } }];
    const phase = exitCode === 0 ? 'Succeeded' : 'Failed';
    await bench.patch(pods, `a/${name(pod)}`, { status: { phase, containerStatuses } }, 'status');
    await bench.pass();
  };
  const bind = (pod: Pod) => bench.patch(pods, `a/${name(pod)}`, { spec: { nodeName: 'n1' } });
  const remove = async (pod: Pod, gracePeriodSeconds = 0) => {
    const key = { namespace: 'a', name: name(pod) };
    await api.delete(pods, key, { gracePeriodSeconds, signal }).catch((error) => {
      if (!hasReason(error, 'NotFound')) throw error;
    });
  };
  const set = async (spec: JsonObject) => {
    await bench.patch(workloads, 'a/job', { spec });
    await bench.pass();
  };
  const restart = async () => {
    await bench.stop();
    bench = await startOn(bench);
    benches[0] = bench;
  };
  const pass = (ms?: number) => bench.pass(ms);
  return { api, all, active, job, status, condition, end, bind, remove, set, restart, pass };
}

test('as many runs as asked for, so many at a time, and then it is complete', async () => {
  const { all, active, end, status, condition } = await setup({ replicas: 2, completions: 3 });
  expect(active()).toHaveLength(2);
  expect(status()).toMatchObject({ active: 2, succeeded: 0, summary: 'Running 0/3' });
  expect(status().startTime).toBe('2026-01-01T00:00:00Z');
  await end(active()[0]!, 0);
  expect(active()).toHaveLength(2);
  await end(active()[0]!, 0);
  expect(active()).toHaveLength(1);
  expect(condition('Complete')).toBeUndefined();
  await end(active()[0]!, 0);
  expect(all()).toHaveLength(3);
  expect(all().flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
  expect(condition('Complete')).toMatchObject({ status: 'True', reason: 'CompletionsReached' });
  expect(status()).toMatchObject({ active: 0, succeeded: 3, failed: 0, summary: 'Complete 3/3' });
  expect(status().completionTime).toBeDefined();
  expect(status().countedPods).toBeUndefined();
});

test('a failed run is made good for after 10 s, then 20 s; too many end the job', async () => {
  const { all, active, end, status, condition, pass } = await setup({ backoffLimit: 2 });
  await end(active()[0]!, 3);
  expect(active()).toHaveLength(0);
  await pass(9_000);
  expect(active()).toHaveLength(0);
  await pass(1_000);
  expect(active()).toHaveLength(1);
  await end(active()[0]!, 3);
  await pass(19_000);
  expect(active()).toHaveLength(0);
  await pass(1_000);
  await end(active()[0]!, 127);
  await pass(3_600_000);
  expect(all()).toHaveLength(3);
  expect(status()).toMatchObject({ failed: 3, succeeded: 0, summary: 'Failed 0/1' });
  const failed = condition('Failed');
  expect(failed).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' });
  expect(failed?.message).toContain('exit code 127 (command not found)');
});

test('a success forgives the failures before it', async () => {
  const { active, end, pass } = await setup({ completions: 3 });
  for (let i = 0; i < 3; i += 1) {
    await end(active()[0]!, 1);
    await pass(360_000);
  }
  await end(active()[0]!, 0);
  expect(active()).toHaveLength(1);
  await end(active()[0]!, 1);
  await pass(10_000);
  expect(active()).toHaveLength(1);
});

test('what runs when a job fails is ended, and only then it has failed', async () => {
  const { active, end, bind, remove, status, condition, pass } = await setup({
    replicas: 2,
    completions: 2,
    backoffLimit: 0,
  });
  const [first, second] = active();
  await bind(second!);
  await end(first!, 1);
  expect(condition('FailureTarget')).toMatchObject({ status: 'True' });
  expect(condition('Failed')).toBeUndefined();
  expect(active()[0]?.metadata.deletionTimestamp).toBeDefined();
  await remove(second!);
  await pass();
  expect(condition('Failed')).toMatchObject({ reason: 'BackoffLimitExceeded' });
  // The second one was ended by us.
  expect(status()).toMatchObject({ failed: 1, active: 0 });
});

test('a job that takes too long fails', async () => {
  const { active, status, condition, pass } = await setup({ activeDeadlineSeconds: 60 });
  await pass(59_000);
  expect(active()).toHaveLength(1);
  await pass(1_000);
  expect(condition('Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
  expect(active()).toHaveLength(0);
  expect(status().failed).toBe(0);
});

test('suspended: what runs is ended and not counted; the deadline starts over', async () => {
  const world = await setup({ replicas: 2, completions: 2, activeDeadlineSeconds: 60 });
  const { active, end, set, status, condition, pass } = world;
  await end(active()[0]!, 0);
  await set({ running: false });
  expect(active()).toHaveLength(0);
  expect(status()).toMatchObject({ active: 0, failed: 0, succeeded: 1, summary: 'Suspended 1/2' });
  expect(condition('Suspended')).toMatchObject({ status: 'True', reason: 'JobSuspended' });
  await pass(100_000);
  await set({ running: true });
  expect(condition('Suspended')).toMatchObject({ status: 'False', reason: 'JobResumed' });
  expect(active()).toHaveLength(1);
  await pass(50_000);
  await end(active()[0]!, 0);
  expect(condition('Complete')?.status).toBe('True');
});

test.each([true, false])('an absurd number of runs is planned in passes (%s)', (indexed) => {
  const fields = { spec: specOf({ replicas: 2_000_000_000 }) };
  const workload = object(workloads, 'a/job', fields) as unknown as Workload;
  const spec = { ...jobSpecOf(workload), indexed };
  const tally = tallyOf(undefined, [], spec);
  const situation = { workload, spec, tally, pods: [], halted: false, resting: false };
  expect(planJob({ ...situation, isTaken: () => false }).create).toHaveLength(passMax);
});

test('Stable: each number succeeds once, and knows itself', async () => {
  const { all, active, end, status, pass } = await setup({
    identity: 'Stable',
    replicas: 3,
    completions: 4,
  });
  expect(active().map(name)).toEqual([0, 1, 2].map((i) => expect.stringMatching(`^job-${i}-`)));
  const [zero, one] = active();
  expect(zero?.metadata.annotations).toMatchObject({
    'batch.kubernetes.io/job-completion-index': '0',
  });
  expect(zero?.spec.containers[0]?.env).toEqual([{ name: 'JOB_COMPLETION_INDEX', value: '0' }]);
  expect(zero?.spec.hostname).toBe('job-0');
  await end(one!, 1);
  await end(zero!, 0);
  await pass(10_000);
  expect(active().map(name)).toEqual([1, 2, 3].map((i) => expect.stringMatching(`^job-${i}-`)));
  expect(status().completedIndexes).toBe('0');
  for (const pod of active()) await end(pod, 0);
  expect(all()).toHaveLength(5);
  expect(status()).toMatchObject({ succeeded: 4, failed: 1, completedIndexes: '0-3' });
});

test('OnFailure: restarts in place count', async () => {
  const template = {
    metadata: { labels: { app: 'job' } },
    spec: { containers: [{ name: 'main', image: 'i' }], restartPolicy: 'OnFailure' },
  };
  const { api, active, condition, pass } = await setup({ template, backoffLimit: 2 });
  const key = { namespace: 'a', name: name(active()[0]!) };
  const restarts = async (restartCount: number) => {
    const containerStatuses = [{ name: 'main', image: 'i', restartCount }];
    const patch = { status: { phase: 'Running', containerStatuses } };
    await api.patch(pods, key, patch, { signal, subresource: 'status' });
    await pass();
  };
  await restarts(1);
  expect(condition('Failed')).toBeUndefined();
  await restarts(2);
  expect(condition('Failed')).toMatchObject({ reason: 'BackoffLimitExceeded' });
});

test('a failure policy ignores, or ends the job at once', async () => {
  const rules = [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
    { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
  ];
  const world = await setup({ podFailurePolicy: { rules }, backoffLimit: 1 });
  const { api, active, end, status, condition, pass } = world;
  for (let i = 0; i < 3; i += 1) {
    const [pod] = active();
    const conditions = [{ type: 'DisruptionTarget', status: 'True' }];
    const key = { namespace: 'a', name: name(pod!) };
    await api.patch(pods, key, { status: { conditions } }, { signal, subresource: 'status' });
    await end(pod!, 137);
    await pass(360_000);
  }
  expect(status().failed).toBe(0);
  await end(active()[0]!, 42);
  expect(condition('Failed')).toMatchObject({
    reason: 'PodFailurePolicy',
    message: expect.stringContaining('exit code 42 matching FailJob rule at index 1'),
  });
});

test('a finished job goes when its time is over, and its pods can go too', async () => {
  const { active, end, job, all, pass, remove } = await setup({ ttlSecondsAfterFinished: 30 });
  await end(active()[0]!, 0);
  await pass(29_000);
  expect(job()).toBeDefined();
  await pass(2_000);
  expect(job()).toBeUndefined();
  await remove(all()[0]!);
  expect(all()).toEqual([]);
});

test('pods of a deleted job are let go', async () => {
  const { api, active, all, pass } = await setup({ replicas: 2 });
  expect(active()[0]?.metadata.finalizers).toEqual([trackingFinalizer]);
  await api.delete(workloads, { namespace: 'a', name: 'job' }, { signal });
  await pass();
  expect(all().flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
});

test('a scaled down job ends the surplus without counting it', async () => {
  const { active, set, status } = await setup({ replicas: 3, completions: 5 });
  await set({ replicas: 1 });
  expect(active()).toHaveLength(1);
  expect(status()).toMatchObject({ active: 1, failed: 0 });
});

/** Whatever is killed, and whenever: runs are counted exactly, and never more are made than asked. */
test.each(['Ephemeral', 'Stable'])(
  'kill -9 at every step (%s)',
  async (identity) => {
    const events = fc.array(
      fc.record({
        exitCode: fc.constantFrom(0, 0, 1),
        /** Somebody deletes the pod right after its end, or in the middle. */
        deletion: fc.constantFrom('none', 'none', 'ended', 'running'),
        /** The process dies before its n-th write from here. */
        killAt: fc.option(fc.nat(5)),
      }),
      { minLength: 4, maxLength: 14 },
    );
    await fc.assert(
      fc.asyncProperty(events, async (script) => {
        const completions = 4;
        const world = await setup({ identity, replicas: 2, completions, backoffLimit: 1000 });
        const { api, all, active, end, remove, status, restart, pass } = world;
        const truth = { succeeded: 0, failed: 0 };
        const known = new Map<string, Pod>();
        const note = () => {
          for (const pod of all()) known.set(pod.metadata.uid ?? '', pod);
          const running = all().filter((pod) => !ended(pod) && !pod.metadata.deletionTimestamp);
          expect(running.length).toBeLessThanOrEqual(2);
          expect(running.length + truth.succeeded).toBeLessThanOrEqual(completions);
        };
        let left = Number.POSITIVE_INFINITY;
        let dead = false;
        api.before = ({ verb }) => {
          if (!['create', 'patch', 'delete'].includes(verb) || byTest) return;
          if (dead || left <= 0) {
            dead = true;
            throw new Error('killed');
          }
          left -= 1;
        };
        let byTest = false;
        const act = async (action: () => Promise<unknown>) => {
          byTest = true;
          await action();
          byTest = false;
        };
        for (const { exitCode, deletion, killAt } of script) {
          const [pod] = active().filter(({ metadata }) => !metadata.deletionTimestamp);
          left = killAt ?? Number.POSITIVE_INFINITY;
          if (pod !== undefined) {
            const succeeds = exitCode === 0 && deletion !== 'running';
            truth[succeeds ? 'succeeded' : 'failed'] += 1;
            await act(async () => {
              if (deletion === 'running') await remove(pod);
              else await endQuietly(pod, exitCode);
              if (deletion === 'ended') await remove(pod);
            });
          }
          await pass(360_000);
          note();
          if (killAt !== null) {
            left = Number.POSITIVE_INFINITY;
            dead = false;
            await restart();
            await pass(360_000);
            note();
          }
        }
        api.before = () => {};
        await pass(360_000);
        expect(status()).toMatchObject(truth);
        for (let i = 0; i < completions && status().summary?.startsWith('Running'); i += 1) {
          const [pod] = active();
          if (pod === undefined) break;
          truth.succeeded += 1;
          await end(pod, 0);
        }
        expect(status()).toMatchObject({ succeeded: completions, failed: truth.failed, active: 0 });
        expect(known.size).toBeLessThanOrEqual(truth.failed + completions);
        for (const bench of benches.splice(0)) await bench.stop();

        /** Without letting the controller act in between. */
        async function endQuietly(pod: Pod, code: number): Promise<void> {
          const terminated = { exitCode: code, finishedAt: '2026-01-01T00:00:00Z' };
          const containerStatuses = [{ name: 'main', image: 'i', state: { terminated } }];
          const phase = code === 0 ? 'Succeeded' : 'Failed';
          const key = { namespace: 'a', name: name(pod) };
          const patch = { status: { phase, containerStatuses } };
          await api.patch(pods, key, patch, { signal, subresource: 'status' });
        }
      }),
      { numRuns: 8 },
    );
  },
  120_000,
);
