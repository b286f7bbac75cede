/**
 * Many idle nodes that only renew their leases, as agents do, and tell their status now and then: what a
 * server pays for them. Run: npm run bench:heartbeats [-- --nodes 5000 --seconds 300]. Prints JSON.
 */
import { parseArgs } from 'node:util';
import type { Lease, Node } from '../../api/kinds.gen.ts';
import { leases, nodes } from '../../api/resources.gen.ts';
import { cpuSeconds, diskBytes, removeDir, residentMiB, round, summary, upPlane } from './berth.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '300' },
  },
});
const nodeCount = Number(values.nodes);
const seconds = Number(values.seconds);
/** As the agent renews. */
const renewMs = 10_000;
const namespace = 'kube-node-lease';
const callers = 64;
const signal = new AbortController().signal;

const plane = await upPlane(undefined, ['--no-agent']);
const { client } = plane;
const idle = await snapshot();
await inParallel(nodeCount, makeNode);
const before = await snapshot();
const latenciesMs: number[] = [];
let failures = 0;
const startedMs = performance.now();
const rounds = Math.max(1, Math.round((seconds * 1_000) / renewMs));
let slowestRoundMs = 0;
for (let round = 0; round < rounds; round += 1) {
  const roundMs = performance.now();
  await inParallel(nodeCount, renew);
  const tookMs = performance.now() - roundMs;
  slowestRoundMs = Math.max(slowestRoundMs, tookMs);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, renewMs - tookMs)));
}
const tookSeconds = (performance.now() - startedMs) / 1_000;
const after = await snapshot();
const ready = (await client.list<Node>(nodes, { signal })).items.filter(isReady).length;
console.log(
  JSON.stringify(
    {
      nodes: nodeCount,
      seconds: round(tookSeconds),
      renewalsPerSecond: Math.round((rounds * nodeCount) / tookSeconds),
      failures,
      renewMs: summary(latenciesMs),
      slowestRoundMs: round(slowestRoundMs),
      serverCores: Math.round(((after.cpu - before.cpu) / tookSeconds) * 100) / 100,
      serverMiB: { idle: idle.mib, nodes: before.mib, after: after.mib },
      storeMiB: { idle: idle.store, nodes: before.store, after: after.store },
      nodesReady: ready,
    },
    null,
    2,
  ),
);
await plane.down();
await removeDir(plane.dataDir);

async function snapshot() {
  return {
    cpu: await cpuSeconds(plane.pid),
    mib: round(await residentMiB(plane.pid)),
    store: round((await diskBytes(plane.dataDir)) / 1_048_576),
  };
}

async function makeNode(i: number): Promise<void> {
  const now = new Date().toISOString();
  const name = `node-${i}`;
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} };
  await client.create<Node>(nodes, node, { signal });
  const status = {
    capacity: { cpu: '8', memory: '32Gi', pods: '110' },
    allocatable: { cpu: '8', memory: '32Gi', pods: '110' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'AgentReady',
        message: 'ready',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
  };
  await client.patch<Node>(nodes, { name }, { status }, { signal, subresource: 'status' });
  const lease: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime() },
  };
  await client.create<Lease>(leases, lease, { signal });
}

async function renew(i: number): Promise<void> {
  const startedMs = performance.now();
  try {
    const change = { spec: { renewTime: microTime() } };
    await client.patch<Lease>(leases, { name: `node-${i}`, namespace }, change, { signal });
  } catch {
    failures += 1;
  }
  latenciesMs.push(performance.now() - startedMs);
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

function isReady({ status }: Node): boolean {
  return (
    status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true
  );
}

async function inParallel(count: number, call: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await call(i);
  };
  await Promise.all(Array.from({ length: callers }, worker));
}
