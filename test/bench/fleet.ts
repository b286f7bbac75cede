/**
 * Many pods on many nodes: real server, controllers, scheduler and agents; only the engines are imaginary.
 * Run: npm run bench:fleet [-- --nodes 50 --pods 2000]. Prints JSON.
 */

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runAgent } from '../../agent/agent.ts';
import type { Pod, Workload } from '../../api/kinds.gen.ts';
import { pods, workloads } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/list-watch-informer.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import { FakeEngine } from '../../runtime/fake/fake.ts';
import { cpuSeconds, removeDir, residentMiB, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '50' },
    pods: { type: 'string', default: '2000' },
  },
});
const nodeCount = Number(values.nodes);
const podCount = Number(values.pods);

const plane = await upPlane(undefined, ['--no-agent']);
const stop = new AbortController();
const dir = await mkdtemp(join(tmpdir(), 'berth-bench-fleet-'));
const idleMiB = await residentMiB(plane.pid);
const agents = Array.from({ length: nodeCount }, (_, i) => agent(plane.client, `node-${i}`));
const seen = await watchPods(plane.client);

const cpuBefore = await cpuSeconds(plane.pid);
const startedMs = performance.now();
await plane.client.create<Workload>(workloads, workload(), { signal: stop.signal });
await seen.all;
const seconds = (performance.now() - startedMs) / 1_000;
const cpu = (await cpuSeconds(plane.pid)) - cpuBefore;
console.log(
  JSON.stringify(
    {
      nodes: nodeCount,
      pods: podCount,
      applyToAllRunningSeconds: round(seconds),
      podsPerSecond: Math.round(podCount / seconds),
      podCreatedToRunningMs: summary(seen.latenciesMs),
      serverCpuMsPerPod: round((cpu * 1_000) / podCount),
      serverMiB: { idle: round(idleMiB), loaded: round(await residentMiB(plane.pid)) },
    },
    null,
    2,
  ),
);
await seen.stop();
stop.abort();
await Promise.allSettled(agents);
await plane.down();
await removeDir(plane.dataDir);
await removeDir(dir);

function agent(client: Client, nodeName: string): Promise<void> {
  const engine = new FakeEngine({ clock: systemClock, images: ['app:1'], name: 'docker' });
  return runAgent({
    nodeName,
    client,
    runtimes: [engine.runtime(nodeName)],
    dataDir: join(dir, nodeName),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    signal: stop.signal,
    addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
  });
}

/** When each pod was first seen, and when it was first seen running. */
async function watchPods(client: Client) {
  const bornMs = new Map<string, number>();
  const running = new Set<string>();
  const latenciesMs: number[] = [];
  const common = { clock: systemClock, random: systemRandom, log: silentLog };
  const informer = createInformer<Pod>(client, pods, common);
  const all = new Promise<void>((resolve) => {
    informer.events.subscribe((event) => {
      if (event.type !== 'apply') return;
      const uid = event.object.metadata?.uid ?? '';
      const born = bornMs.get(uid) ?? performance.now();
      bornMs.set(uid, born);
      if (event.object.status?.phase !== 'Running' || running.has(uid)) return;
      running.add(uid);
      latenciesMs.push(performance.now() - born);
      if (running.size === podCount) resolve();
    });
  });
  informer.start();
  await informer.untilSynced({ signal: stop.signal });
  return { all, latenciesMs, stop: () => informer.stop() };
}

function workload(): Workload {
  const labels = { app: 'fleet' };
  return {
    apiVersion: 'berth.dev/v1',
    kind: 'Workload',
    metadata: { name: 'fleet', namespace: 'default' },
    spec: {
      replicas: podCount,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'main', image: 'app:1' }] },
      },
    },
  };
}
