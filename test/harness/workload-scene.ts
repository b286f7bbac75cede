/** A Workload named `web` in the fake api, with its controller at work on it. */
import { afterEach } from 'vitest';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { workloadController } from '../../controllers/workload/controller.ts';
import { type Bench, createBench } from './controller-bench.ts';
import { object } from './fake-api.ts';

export const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

const signal = new AbortController().signal;

function specOf(fields: JsonObject = {}, image = 'nginx:1'): JsonObject {
  return {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image }] },
    },
    ...fields,
  };
}

export async function setup(fields: JsonObject = {}) {
  const bench = createBench();
  benches.push(bench);
  bench.run(workloadController(bench));
  await bench.start();
  const { api } = bench;
  await api.create(workloads, object(workloads, 'a/web', { spec: specOf(fields) }), { signal });
  await bench.pass();
  const all = () => [...api.all<Pod>(pods)].sort((x, y) => (name(x) < name(y) ? -1 : 1));
  const workload = () => api.peek<Workload>(workloads, 'a/web')!;
  const condition = (type: string) =>
    workload().status?.conditions?.find((each) => each.type === type);
  const set = async (spec: JsonObject) => {
    await bench.patch(workloads, 'a/web', { spec });
    await bench.pass();
  };
  const setImage = (image: string) =>
    set({ template: { spec: { containers: [{ name: 'web', image }] } } });
  /** What scheduler and agent would do: binds, and reports readiness. */
  const report = (pod: Pod, ready: boolean) => tell(pod, ready).catch(ignoreGone);
  const tell = async (pod: Pod, ready: boolean) => {
    const key = `a/${name(pod)}`;
    if (pod.spec.nodeName === undefined) {
      await bench.patch(pods, key, { spec: { nodeName: 'n1' } });
    }
    const lastTransitionTime = new Date(bench.clock.now()).toISOString();
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }];
    await bench.patch(pods, key, { status: { phase: 'Running', conditions } }, 'status');
  };
  /** The agent's part in a graceful deletion. */
  const finish = async (pod: Pod) => {
    const options = { gracePeriodSeconds: 0, signal };
    await api.delete(pods, { namespace: 'a', name: name(pod) }, options).catch(ignoreGone);
  };
  const settleAll = async (rounds = 30) => {
    for (let i = 0; i < rounds; i += 1) {
      for (const pod of all()) {
        if (pod.metadata.deletionTimestamp !== undefined) await finish(pod);
        else if (!isReady(pod)) await report(pod, true);
      }
      await bench.pass(100);
    }
  };
  return { bench, api, all, workload, condition, set, setImage, report, finish, settleAll };
}

/** The controller may have deleted it between our look and our call. */
function ignoreGone(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error;
}

export const name = (pod: Pod) => pod.metadata.name ?? '';
export const image = (pod: Pod) => pod.spec.containers[0]?.image;
export const isLive = (pod: Pod) => pod.metadata.deletionTimestamp === undefined;
export const isReady = (pod: Pod) =>
  isLive(pod) &&
  (pod.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
