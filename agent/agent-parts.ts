/** What an agent is made of, and how its parts know one another; `agent.ts` has them run. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, Pod, VM, Volume } from '../api/kinds.gen.ts';
import { pods, vms } from '../api/resources.gen.ts';
import { claimsOf } from '../api/volume.ts';
import { createEventRecorder } from '../client/events.ts';
import { createInformer } from '../client/list-watch-informer.ts';
import { longLived } from '../client/long-lived.ts';
import { noMetrics } from '../lib/metrics.ts';
import { observePods } from './agent-metrics.ts';
import type { AgentOptions } from './agent-options.ts';
import { checkAllocation, oversellOf } from './devices/check-allocation.ts';
import { keepGpuNumbers } from './devices/gpu-numbers.ts';
import { readGpus } from './devices/gpus.ts';
import { type DiskDeclaration, defaultDisk, NodeDisks } from './disks/node-disks.ts';
import { VolumeKeeper } from './disks/volume-keeper.ts';
import { NodeDns } from './dns/node-dns.ts';
import { ReferenceWatches } from './files/reference-watches.ts';
import { growthObstacle } from './machines/room-to-grow.ts';
import { allocatableQuantities } from './node/node-status.ts';
import { ImageKeeper } from './node-images/image-keeper.ts';
import { ImageLedger, tellingPulls } from './node-images/image-ledger.ts';
import type { NodeFacts } from './pod/downward.ts';
import { defaultThresholds } from './pressure/pressure.ts';
import { PressureWatch } from './pressure/pressure-watch.ts';
import { cpusOf } from './spec/pod-cpus.ts';
import { readNodeUsage } from './stats/node-usage.ts';
import { UsageSampler } from './stats/sampler.ts';
import { Checkpoint } from './sync/checkpoint.ts';
import { DesiredPods } from './sync/desired-pods.ts';
import { runtimeOf } from './sync/locate.ts';
import { PodWorkers } from './sync/pod-workers.ts';
import { type Machine, readLoad, readMachine } from './topology/machine.ts';
import { Measurements } from './topology/measurements.ts';
import { TopologyKeeper } from './topology/topology-keeper.ts';

type Ground = Awaited<ReturnType<typeof layGround>>;
export type AgentParts = Awaited<ReturnType<typeof makeParts>>;

/** All of them, none of them running. */
export async function makeParts(options: AgentOptions) {
  const ground = await layGround(options);
  const machineParts = await makeMachineParts(ground);
  const podParts = await makePodParts(ground, machineParts);
  return { ...ground, ...machineParts, ...podParts };
}

/** What the machine has, and what was kept of the time before; all parts stand on it. */
async function layGround(options: AgentOptions) {
  const { nodeName, client, dataDir, clock, random, metrics = noMetrics } = options;
  // Every worker and every call under way listens to it.
  const signal = longLived(options.signal);
  const log = options.log.child({ node: nodeName });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const machine = await readMachine(dataDir);
  const found = await readGpus(options.devicesRoot);
  const gpus = await keepGpuNumbers(found, join(dataDir, 'gpus.json'));
  const ledger = await ImageLedger.open(dataDir);
  const runtimes = options.runtimes.map((runtime) =>
    tellingPulls(runtime, (image) => ledger.notePull(image)),
  );
  const checkpoint = new Checkpoint(dataDir, log);
  const remembered = await checkpoint.load();
  const desired = new DesiredPods();
  observePods(metrics, desired);
  const component = 'berth-agent';
  const events = createEventRecorder({
    ...{ client, clock, random, log, component, host: nodeName },
    // What comes while one request is under way goes with the next: the statuses of a burst do not wait for its events.
    ...{ together: true, writers: 1 },
  });
  return {
    ...{ options, signal, log, metrics, machine, gpus, ledger, runtimes },
    ...{ checkpoint, remembered, desired, events },
    machinesDir: options.machinesDir ?? join(dataDir, 'machines'),
    /** The node as the API last told of it. */
    seen: { node: undefined as Node | undefined },
  };
}

/** What looks after the machine itself: its images, its load, its disks, what it is made of. */
async function makeMachineParts(ground: Ground) {
  const { options, signal, log, machine, gpus, ledger, runtimes } = ground;
  const { nodeName, client, dataDir, clock, random } = options;
  const policy = options.imageCollection ?? {};
  const images = new ImageKeeper({ runtimes, clock, log, ledger, policy });
  const pressure = new PressureWatch({
    thresholds: { ...defaultThresholds, ...options.pressure },
    readLoad: () => readLoad(dataDir),
    ...{ images, log, signal },
  });
  const measurements = await Measurements.load(dataDir, log);
  const disks = new NodeDisks(
    options.disks ?? (await makeDefaultDisk(dataDir)),
    (disk) => measurements.of(disk).measured ?? {},
  );
  const topology = new TopologyKeeper({
    ...{ nodeName, client, clock, random, log, runtimes, disks, gpus, measurements },
    memoryBytes: machine.memoryBytes,
    root: options.devicesRoot,
  });
  const readNode = readNodeUsage;
  const usage = new UsageSampler({ nodeName, runtimes, clock, readNode, signal });
  return { images, pressure, measurements, disks, topology, usage };
}

type MachineParts = Awaited<ReturnType<typeof makeMachineParts>>;

/** What makes pods and machines real: their informers, volumes, names and workers. */
async function makePodParts(ground: Ground, { disks }: MachineParts) {
  const { options, signal, log, checkpoint, desired, events, runtimes } = ground;
  const { nodeName, client, dataDir, clock, random } = options;
  const common = { client, clock, random, log };
  const bound = { clock, random, log, fieldSelector: `spec.nodeName=${nodeName}` };
  const informer = createInformer<Pod>(client, pods, bound);
  const vmInformer = createInformer<VM>(client, vms, bound);
  const volumes = new VolumeKeeper({
    ...{ ...common, nodeName, events, disks, dataDir },
    machines: runtimes.find((runtime) => runtime.machines !== undefined)?.machines,
    changed: (volume) => {
      for (const pod of desired.list()) {
        if (claims(pod, volume)) workers.add(pod.metadata.uid ?? '');
      }
    },
  });
  volumes.known.assume(checkpoint.volumes);
  const names =
    options.names === undefined
      ? undefined
      : new NodeDns({ ...options.names, client, clock, log: log.child({ part: 'dns' }) });
  await names?.prepare({ signal });
  const workers = makeWorkers(ground, volumes, names);
  const changed = (uid: string) => workers.volumesChanged(uid);
  const references = new ReferenceWatches({ ...common, changed });
  return { informer, vmInformer, volumes, names, workers, references };
}

function makeWorkers(
  { options, log, checkpoint, desired, events, runtimes, machine, machinesDir, gpus, seen }: Ground,
  volumes: VolumeKeeper,
  names: NodeDns | undefined,
): PodWorkers {
  const { client, clock, random, dataDir, cni } = options;
  const passed = new Set<string>();
  return new PodWorkers({
    ...{ client, clock, log, events, dataDir, volumes, machinesDir, random, desired, runtimes },
    ...{ cni, names, gpus },
    specs: checkpoint,
    nodeNetwork: options.nodeNetwork ?? 'bridge',
    facts: factsOf(options, machine),
    runtimeOf: (pod) => runtimeOf(runtimes, pod),
    isLive: () => desired.live,
    cpusOf: (pod) => cpusOf(pod, desired.list(), machine.cores),
    checkAllocation: (pod) => {
      const oversell = seen.node === undefined ? undefined : oversellOf(seen.node);
      checkAllocation(pod, desired.list(), { oversell, gpus, passed });
    },
    growthObstacle: (pod, have) => growthObstacle(pod, have, desired.list(), seen.node),
  });
}

function claims(pod: Pod, { metadata }: Volume): boolean {
  return (
    pod.metadata.namespace === metadata.namespace && claimsOf(pod).includes(metadata.name ?? '')
  );
}

async function makeDefaultDisk(dataDir: string): Promise<readonly DiskDeclaration[]> {
  const disk = defaultDisk(dataDir);
  await mkdir(disk.path, { recursive: true, mode: 0o711 });
  return [disk];
}

function factsOf({ nodeName, addresses, apiServer }: AgentOptions, machine: Machine): NodeFacts {
  const hostIp = addresses.find((each) => each.type === 'InternalIP')?.address ?? '';
  const allocatable = allocatableQuantities(machine);
  return { nodeName, hostIp, allocatable, ...(apiServer === undefined ? {} : { apiServer }) };
}
