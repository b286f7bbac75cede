/**
 * kube-scheduler's own benchmark, scheduler_perf, with Berth in its place: real API, real etcd, imaginary nodes. The clock runs
 * from the first of the measured pods being posted until the last of them is bound, as upstream. Run:
 * What posts them does as little as it can (poster.ts): it shares the processors with the server and etcd.
 * With --posted-first all pods are in the store before the server starts: what is measured is deciding and binding them.
 * npm run bench:scheduler-perf [-- --case SchedulingBasic,… --scale 1 --store etcd|embedded]. Prints a line of JSON a case.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Namespace, Pod } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { pods } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { openStore } from '../../store/index.ts';
import { startEtcd } from '../harness/etcd.ts';
import { type BenchPlane, cpuSeconds, removeDir, residentMiB, round, upPlane } from './berth.ts';
import { postAll } from './poster.ts';
import { type PerfCase, type Pods, perfCases } from './scheduler-perf/cases.ts';

const { values } = parseArgs({
  options: {
    case: { type: 'string', default: Object.keys(perfCases).join(',') },
    /** Of the numbers of nodes and pods; figures of less than 1 are no figures of the case. */
    scale: { type: 'string', default: '1' },
    store: { type: 'string', default: 'etcd' },
    'posted-first': { type: 'boolean', default: false },
  },
});
const scale = Number(values.scale);
const signal = new AbortController().signal;
/** Upstream creates with as many at a time. */
const callers = 30;
const pollMs = 100;
const creationTimestamp = '2026-01-01T00:00:00Z';
const patienceMs = 30 * 60_000;

for (const name of values.case.split(',')) {
  const perfCase = perfCases[name];
  if (perfCase === undefined) {
    throw new Error(`--case ${name}: must be one of ${Object.keys(perfCases).join(', ')}`);
  }
  console.log(JSON.stringify(await run(name, perfCase)));
}

async function run(name: string, perfCase: PerfCase) {
  const etcd = values.store === 'etcd' ? await startEtcd() : undefined;
  const dataDir = await mkdtemp(join(tmpdir(), 'berth-bench-perf-'));
  const store =
    etcd === undefined ? `embedded:${join(dataDir, 'store')}` : `etcd://${etcd.endpoint}`;
  const nodeCount = Math.ceil(perfCase.nodes * scale);
  try {
    const postedFirst = values['posted-first'];
    const made = Array.from({ length: nodeCount }, (_, i) => perfCase.node(i));
    const spaces = Object.entries(namespacesOf(perfCase)).map(([name, labels]) =>
      namespaceOf(name, labels),
    );
    await seed(store, dataDir, [...spaces, ...made, ...(postedFirst ? allPods(perfCase) : [])]);
    const storeFlags = etcd === undefined ? [] : ['--store', store];
    // Upstream runs the API and the scheduler alone, too, and pods without accounts.
    const alone = ['--controllers', 'scheduler', '--disable-admission-plugins', 'ServiceAccount'];
    const flags = ['--no-agent', ...alone, ...storeFlags];
    const plane = await upPlane(dataDir, flags);
    try {
      return {
        case: name,
        nodes: nodeCount,
        store: values.store,
        ...(await (postedFirst
          ? measureBinding(plane, perfCase)
          : measure(plane, perfCase, etcd?.pid))),
      };
    } finally {
      await plane.down();
    }
  } finally {
    await etcd?.stop();
    await removeDir(dataDir);
  }
}

async function measure(plane: BenchPlane, perfCase: PerfCase, etcdPid: number | undefined) {
  const { client } = plane;
  let before = 0;
  for (const [k, init] of perfCase.init.entries()) {
    const made = await makePods(plane, `init-${k}`, init);
    if (init.hopeless !== true) before += made;
  }
  await untilBound(plane, before);
  const cpuBefore = await cpuOf(plane, etcdPid);
  const startedMs = performance.now();
  const measured = await makePods(plane, 'measured', perfCase.measured);
  const createdMs = performance.now() - startedMs;
  await untilBound(plane, before + measured);
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpuAfter = await cpuOf(plane, etcdPid);
  const cpuMs = (who: keyof typeof cpuAfter) =>
    Math.round((100_000 * (cpuAfter[who] - cpuBefore[who])) / measured) / 100;
  const { threshold } = perfCase;
  const perSecond = measured / seconds;
  return {
    initPods: before,
    pods: measured,
    podsPerSecond: round(perSecond),
    threshold,
    timesThreshold: Math.round((100 * perSecond) / threshold) / 100,
    createdPerSecond: round((1_000 * measured) / createdMs),
    serverCpuMsPerPod: cpuMs('server'),
    etcdCpuMsPerPod: cpuMs('etcd'),
    posterCpuMsPerPod: cpuMs('poster'),
    serverMiB: round(await residentMiB(plane.pid)),
    mostOnOneNode: await mostOnOneNode(client),
  };
}

/** Seconds of processor time of all that share the machine here. */
async function cpuOf({ pid }: BenchPlane, etcdPid: number | undefined) {
  const { user, system } = process.cpuUsage();
  const etcd = etcdPid === undefined ? 0 : await cpuSeconds(etcdPid);
  return { server: await cpuSeconds(pid), etcd, poster: (user + system) / 1e6 };
}

/** The clock runs from the first bindings that are seen: what comes before is the start of a server. */
async function measureBinding(plane: BenchPlane, perfCase: PerfCase) {
  const all = [...perfCase.init.filter(({ hopeless }) => hopeless !== true), perfCase.measured];
  const count = all.reduce((sum, each) => sum + Math.ceil(each.count * scale), 0);
  await untilBound(plane, 1);
  const first = await scheduled(plane);
  const cpuBefore = await cpuSeconds(plane.pid);
  const startedMs = performance.now();
  await untilBound(plane, count);
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpu = (await cpuSeconds(plane.pid)) - cpuBefore;
  return {
    pods: count,
    boundPerSecond: round((count - first) / seconds),
    serverCpuMsPerPod: Math.round((100_000 * cpu) / (count - first)) / 100,
    serverMiB: round(await residentMiB(plane.pid)),
    mostOnOneNode: await mostOnOneNode(plane.client),
  };
}

function allPods({ init, measured }: PerfCase): readonly Pod[] {
  return [...init, measured].flatMap((each, k) =>
    Array.from({ length: Math.ceil(each.count * scale) }, (_, i): Pod => {
      const { metadata, ...pod } = podOf(`${k}`, i, each);
      const uid = `${metadata.namespace}-${metadata.name}`;
      return {
        ...pod,
        metadata: { ...metadata, uid, creationTimestamp },
        status: { phase: 'Pending' },
      };
    }),
  );
}

/** They are there before the server starts: what is measured is not making them. */
async function seed(place: string, dataDir: string, objects: readonly KubeObject[]): Promise<void> {
  await mkdir(join(dataDir, 'store'), { recursive: true });
  const store = await openStore(place);
  const perTxn = 100;
  for (let from = 0; from < objects.length; from += perTxn) {
    const then = objects.slice(from, from + perTxn).map((object) => {
      const { namespace, name } = object.metadata;
      const plural = `${object.kind.toLowerCase()}s`;
      const key = `core/${plural}/${namespace === undefined ? '' : `${namespace}/`}${name}`;
      return { type: 'put', key, value: Buffer.from(JSON.stringify(object)) } as const;
    });
    await store.txn({ compare: [], then, otherwise: [] }, { signal });
  }
  await store.close();
}

function namespacesOf({ namespaces = {} }: PerfCase) {
  return { 'sched-setup': {}, 'sched-test': {}, ...namespaces };
}

function namespaceOf(name: string, labels: Readonly<Record<string, string>>): Namespace {
  const metadata = { name, uid: name, labels, creationTimestamp };
  return { apiVersion: 'v1', kind: 'Namespace', metadata, spec: {}, status: { phase: 'Active' } };
}

async function makePods({ access }: BenchPlane, prefix: string, some: Pods): Promise<number> {
  const all = Math.ceil(some.count * scale);
  const posts = Array.from({ length: all }, (_, i) => {
    const pod = podOf(prefix, i, some);
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods`;
    return { path, body: JSON.stringify(pod) };
  });
  await postAll(access, posts, callers);
  return all;
}

function podOf(prefix: string, i: number, { pod }: Pods): Pod {
  const { namespace, labels = {}, spec = {}, requests } = pod(i);
  const resources = { requests: requests ?? { cpu: '100m', memory: '500Mi' } };
  const container = { name: 'pause', image: 'registry.k8s.io/pause:3.10', resources };
  const metadata = { namespace, name: `${prefix}-${i}`, labels };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container], ...spec } };
}

/** By the scheduler's own counter: a watch of all pods would be a second load. */
async function untilBound(plane: BenchPlane, count: number): Promise<void> {
  const giveUpMs = performance.now() + patienceMs;
  for (;;) {
    const bound = await scheduled(plane);
    if (bound >= count) return;
    if (performance.now() > giveUpMs) throw new Error(`only ${bound} of ${count} pods are bound`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

async function scheduled({ transport }: BenchPlane): Promise<number> {
  const headers = { accept: '*/*' };
  const answer = await transport({ method: 'GET', path: '/metrics', headers, signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const line = /^scheduler_schedule_attempts_total\{result="scheduled"\} (\d+)/m.exec(text);
  return Number(line?.[1] ?? 0);
}

/** That anti-affinity was heeded can be seen by it. */
async function mostOnOneNode(client: Client): Promise<number> {
  const list = await client.list<Pod>(pods, { signal });
  const perNode = new Map<string, number>();
  for (const { spec } of list.items) {
    if (spec.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1);
  }
  return Math.max(0, ...perNode.values());
}
