/** The Node object: what this machine is, has and can. Pure, but for the loops at the end. */

import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '../../api/conditions.ts';
import type {
  ContainerImage,
  Node,
  NodeAddress,
  NodeCondition,
  NodeStatus,
} from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { formatQuantity, parseQuantity, type Quantity } from '../../api/quantity.ts';
import { nodes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { retryLevel } from '../../client/retry-level.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { formatCpuList } from '../../lib/cpu-list.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';
import type { Runtime, RuntimeInfo } from '../../runtime/runtime.ts';
import type { Pressure } from '../pressure/pressure.ts';
import type { Machine } from '../topology/machine.ts';

export interface NodeStatusOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtimes: readonly Runtime[];
  readonly machine: Machine;
  /** What the machine is short of right now. */
  readonly pressure: () => Promise<Pressure>;
  readonly images: () => readonly ContainerImage[];
  /** Of the Node, beside those that this file makes. */
  readonly annotations: () => Promise<Readonly<Record<string, string>>>;
  /** Called with the Node as the API has it, each time that it was read. */
  readonly seen?: (node: Node) => void;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly NodeAddress[];
  /** Where logs and exec are served; absent when they are not. */
  readonly port?: number;
}

/** How often conditions are looked at. */
const checkMs = 10_000;
/** How long the engine, and then the API, may take to answer. */
const answerMs = 10_000;
/** How often the status is written although nothing has changed. */
const reportMs = 300_000;
const podsMax = 110;
/** Kept back for the system and the agent: a twentieth of CPU and disk, and a fifth of memory. */
const reserveDivisor = 20n;
const memoryReserveDivisor = 5n;
function capacityOf(machine: Machine): Record<string, string> {
  return resources(machine.cpuMilli, machine.memoryBytes, machine.diskBytes);
}

/** Capacity without the reserve. */
function allocatableOf(machine: Machine): Record<string, string> {
  const less = (amount: bigint) => amount - amount / reserveDivisor;
  const memory = machine.memoryBytes - machine.memoryBytes / memoryReserveDivisor;
  return resources(less(machine.cpuMilli), memory, less(machine.diskBytes));
}

export function allocatableQuantities(machine: Machine): Record<string, Quantity> {
  const entries = Object.entries(allocatableOf(machine));
  return Object.fromEntries(entries.map(([name, text]) => [name, parseQuantity(text)]));
}

function resources(cpuMilli: bigint, memory: bigint, disk: bigint): Record<string, string> {
  return {
    cpu: formatQuantity({ milli: cpuMilli }),
    memory: formatQuantity({ value: (memory / 1024n) * 1024n }, 'BinarySI'),
    'ephemeral-storage': formatQuantity({ value: (disk / 1024n) * 1024n }, 'BinarySI'),
    pods: String(podsMax),
  };
}

interface NodeView {
  /** Of the runtimes that answered. */
  readonly infos: readonly RuntimeInfo[];
  /** Words of those that did not. */
  readonly failing: ReadonlyMap<string, string>;
  readonly pressure: Pressure;
  readonly annotations: Readonly<Record<string, string>>;
}

function nodeStatus(
  options: NodeStatusOptions,
  view: NodeView,
  before: NodeStatus | undefined,
  nowMs: number,
): NodeStatus {
  const { machine, addresses, port } = options;
  const info = view.infos[0];
  return {
    capacity: capacityOf(machine),
    allocatable: allocatableOf(machine),
    conditions: conditionsOf(view, options.runtimes, before?.conditions ?? [], nowMs),
    addresses,
    ...(port === undefined ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
    images: options.images(),
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: info?.kernelVersion ?? '',
      osImage: machine.osImage,
      containerRuntimeVersion: info === undefined ? '' : `${info.name}://${info.version}`,
      kubeletVersion: 'v1.36.0+berth',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: info?.architecture ?? '',
    },
  };
}

function conditionsOf(
  { failing, pressure }: NodeView,
  runtimes: readonly Runtime[],
  before: readonly NodeCondition[],
  nowMs: number,
): readonly NodeCondition[] {
  // The others run what asks for them by name; without one of them the node still serves the rest.
  const ready = !failing.has(runtimes[0]?.name ?? '');
  const words = [...failing].map(([name, why]) => `${name}: ${why}`).join('; ');
  const { memory, disk, pids } = pressure;
  const ours: readonly NodeCondition[] = [
    {
      type: 'MemoryPressure',
      status: memory === undefined ? 'False' : 'True',
      reason: memory === undefined ? 'AgentHasSufficientMemory' : 'AgentHasInsufficientMemory',
      message: memory ?? 'enough memory is free',
    },
    {
      type: 'DiskPressure',
      status: disk === undefined ? 'False' : 'True',
      reason: disk === undefined ? 'AgentHasNoDiskPressure' : 'AgentHasDiskPressure',
      message: disk ?? 'enough disk space is free',
    },
    {
      type: 'PIDPressure',
      status: pids === undefined ? 'False' : 'True',
      reason: pids === undefined ? 'AgentHasSufficientPID' : 'AgentHasInsufficientPID',
      message: pids ?? 'enough process ids are free',
    },
    {
      type: 'Ready',
      status: ready ? 'True' : 'False',
      reason: ready ? 'AgentReady' : 'AgentNotReady',
      message: words === '' ? 'agent is posting ready status' : words,
    },
  ];
  const others = before.filter(({ type }) => !ours.some((each) => each.type === type));
  const dated = ours.map((condition) => {
    const known = before.find(({ type }) => type === condition.type);
    const since = known?.status === condition.status ? known.lastTransitionTime : undefined;
    const now = formatTime(nowMs);
    return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  });
  return [...others, ...dated];
}

/** Registers the Node and keeps its status true, until `signal` aborts. */
export async function runNodeStatus(
  options: NodeStatusOptions,
  { signal }: CallOptions,
): Promise<void> {
  const { clock, log } = options;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  let registered = false;
  while (!signal.aborted) {
    let waitMs = checkMs;
    try {
      const view = await readView(options, signal);
      await within(answerMs, clock, signal, async (given) => {
        // Read each time: others may have changed or deleted it, or called it not ready.
        const known = registered ? await readNode(options, given) : undefined;
        const node =
          known !== undefined && isRegistered(options, view, known)
            ? known
            : await register(options, view, given);
        registered = true;
        options.seen?.(node);
        // Also when the clock has been set back.
        const due = Math.abs(clock.now() - reportedAtMs) >= reportMs;
        const written = await writeStatus(options, node, view, due, given);
        if (written !== undefined) reportedAtMs = clock.now();
      });
    } catch (error) {
      if (signal.aborted) return;
      log[retryLevel(error)]({ err: error }, 'node status not written');
      waitMs = checkMs / 10;
    }
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** `undefined` when somebody has deleted it. */
async function readNode(
  { client, nodeName }: NodeStatusOptions,
  signal: AbortSignal,
): Promise<Node | undefined> {
  try {
    return await client.get<Node>(nodes, { name: nodeName }, { signal });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function readView(options: NodeStatusOptions, signal: AbortSignal): Promise<NodeView> {
  const { runtimes, pressure, annotations, clock } = options;
  const infos: RuntimeInfo[] = [];
  const failing = new Map<string, string>();
  for (const runtime of runtimes) {
    try {
      const ask = (given: AbortSignal) => runtime.info({ signal: given });
      infos.push(await within(answerMs, clock, signal, ask));
    } catch (error) {
      failing.set(runtime.name, error instanceof Error ? error.message : String(error));
    }
  }
  return { infos, failing, pressure: await pressure(), annotations: await annotations() };
}

function isRegistered(options: NodeStatusOptions, view: NodeView, { metadata }: Node): boolean {
  return Object.entries(ownAnnotations(options, view)).every(
    ([name, value]) => metadata.annotations?.[name] === value,
  );
}

function ownAnnotations(
  options: NodeStatusOptions,
  view: NodeView,
): Readonly<Record<string, string>> {
  return {
    ...view.annotations,
    ...runtimeAnnotations(options, view),
    ...coreAnnotations(options.machine),
  };
}

/** The processors to which pods can be bound, for the scheduler. */
function coreAnnotations({ cores, numaNodes }: Machine): Readonly<Record<string, string>> {
  const numa = numaNodes.map(({ id, cores: list, memoryBytes }) => [
    id,
    { cores: list, memory: String(memoryBytes) },
  ]);
  return {
    'berth.dev/cores': formatCpuList(cores),
    ...(numa.length > 1
      ? { 'berth.dev/numa-nodes': JSON.stringify(Object.fromEntries(numa)) }
      : {}),
  };
}

/** What can run here, and what of it cannot be asked: `kubectl describe node` shows them. */
function runtimeAnnotations(
  options: NodeStatusOptions,
  { failing }: NodeView,
): Readonly<Record<string, string>> {
  // One that does not answer gets nothing new; the first one's failure is told by the condition.
  const runtimes = options.runtimes.filter(({ name }, at) => at === 0 || !failing.has(name));
  const gaps = runtimes.filter((runtime) => runtime.gaps.length > 0);
  return {
    'berth.dev/runtimes': runtimes.map(({ name }) => name).join(','),
    ...Object.fromEntries(
      gaps.map((runtime) => [`berth.dev/${runtime.name}-cannot`, runtime.gaps.join(',')]),
    ),
  };
}

async function register(
  options: NodeStatusOptions,
  view: NodeView,
  signal: AbortSignal,
): Promise<Node> {
  const { client, nodeName, log } = options;
  const architecture = view.infos[0]?.architecture;
  const metadata = {
    name: nodeName,
    labels: {
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': 'linux',
      ...(architecture === undefined ? {} : { 'kubernetes.io/arch': architecture }),
      ...options.labels,
    },
    annotations: ownAnnotations(options, view),
  };
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata, spec: {} };
  try {
    const created = await client.create<Node>(nodes, node, { signal });
    log.info({ node: nodeName }, 'node registered');
    return created;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const { labels, annotations } = metadata;
    return await client.patch<Node>(
      nodes,
      { name: nodeName },
      { metadata: { labels, annotations } },
      { fieldManager: 'berth-agent', signal },
    );
  }
}

/** `undefined` when nothing had to be written. */
async function writeStatus(
  options: NodeStatusOptions,
  node: Node,
  view: NodeView,
  due: boolean,
  signal: AbortSignal,
): Promise<Node | undefined> {
  const status = nodeStatus(options, view, node.status, options.clock.now());
  if (!due && isDeepStrictEqual(timeless(status), timeless(node.status))) return undefined;
  return await options.client.patch<Node>(
    nodes,
    { name: options.nodeName },
    // A status consists of JSON values only.
    { status: status as unknown as JsonObject },
    { subresource: 'status', fieldManager: 'berth-agent', signal },
  );
}

/** Without the fields that change with every report. */
function timeless(status: NodeStatus | undefined): unknown {
  if (status === undefined) return undefined;
  const { capacity, allocatable, addresses, daemonEndpoints, nodeInfo, images } = status;
  const conditions = status.conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest);
  return { capacity, allocatable, addresses, daemonEndpoints, nodeInfo, images, conditions };
}
