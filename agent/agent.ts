/** The agent of one node: makes the pods that are bound to it real, and tells how they are. */
import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, Pod, VM, Volume } from '../api/kinds.gen.ts';
import { defaultRuntime } from '../api/node-fit.ts';
import { pods, vms } from '../api/resources.gen.ts';
import { podOfVm } from '../api/vm-instance.ts';
import { claimsOf, usedVolumes } from '../api/volume.ts';
import { createEventRecorder } from '../client/events.ts';
import type { Informer, InformerEvent } from '../client/informer.ts';
import { createInformer } from '../client/list-watch-informer.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Log } from '../lib/log.ts';
import { noMetrics } from '../lib/metrics.ts';
import { repeat } from '../lib/repeat.ts';
import { observePods } from './agent-metrics.ts';
import type { AgentOptions } from './agent-options.ts';
import { checkAllocation, oversellOf } from './devices/check-allocation.ts';
import { keepGpuNumbers } from './devices/gpu-numbers.ts';
import { gpuAnnotations, readGpus } from './devices/gpus.ts';
import { type DiskDeclaration, defaultDisk, NodeDisks } from './disks/node-disks.ts';
import { VolumeKeeper } from './disks/volume-keeper.ts';
import { NodeDns } from './dns/node-dns.ts';
import { ReferenceWatches } from './files/reference-watches.ts';
import { podDirectories } from './files/volumes.ts';
import { growthObstacle } from './machines/room-to-grow.ts';
import { mendingNetwork } from './networks/mend-network.ts';
import { tidyNetworks } from './networks/tidy-networks.ts';
import { keepCertificates, type NodeCertificatesOptions } from './node/node-certificates.ts';
import { runNodeLease } from './node/node-lease.ts';
import { allocatableQuantities, runNodeStatus } from './node/node-status.ts';
import { ImageKeeper } from './node-images/image-keeper.ts';
import { ImageLedger, tellingPulls } from './node-images/image-ledger.ts';
import type { NodeFacts } from './pod/downward.ts';
import { defaultThresholds } from './pressure/pressure.ts';
import { PressureWatch } from './pressure/pressure-watch.ts';
import { runStorageWatch } from './pressure/storage-watch.ts';
import { type NodeServer, startNodeServer } from './server/server.ts';
import { CpuMoves, cpusOf } from './spec/pod-cpus.ts';
import { readNodeUsage } from './stats/node-usage.ts';
import { UsageSampler } from './stats/sampler.ts';
import { adoptableObject } from './sync/adoption.ts';
import { Checkpoint } from './sync/checkpoint.ts';
import { DesiredPods, type InstanceSource } from './sync/desired-pods.ts';
import { locator, runtimeOf } from './sync/locate.ts';
import { PodWorkers } from './sync/pod-workers.ts';
import { type Machine, readLoad, readMachine } from './topology/machine.ts';
import { measureDisk } from './topology/measure-disk.ts';
import { Measurements } from './topology/measurements.ts';
import { TopologyKeeper } from './topology/topology-keeper.ts';

/** How long the API may take to answer before the node starts what it last knew. */
const offlineAfterMs = 5_000;
/** Every pod is looked at this often, whether something was heard of it or not. */
const resyncMs = 60_000;
const checkpointMs = 1_000;

/** Runs until `signal` aborts; what the node runs goes on without it. Rejects only when it cannot start. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { nodeName, client, dataDir, clock, random, metrics = noMetrics } = options;
  const signal = AbortSignal.any([options.signal]);
  // Every worker and every call under way listens to it.
  setMaxListeners(0, signal);
  const log = options.log.child({ node: nodeName });
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const machinesDir = options.machinesDir ?? join(dataDir, 'machines');
  const machine = await readMachine(dataDir);
  const found = await readGpus(options.devicesRoot);
  const gpus = await keepGpuNumbers(found, join(dataDir, 'gpus.json'));
  let node: Node | undefined;
  const passed = new Set<string>();
  const ledger = await ImageLedger.open(dataDir);
  const runtimes = options.runtimes.map((runtime) =>
    tellingPulls(runtime, (image) => ledger.notePull(image)),
  );
  const policy = options.imageCollection ?? {};
  const images = new ImageKeeper({ runtimes, clock, log, ledger, policy });
  const pressure = new PressureWatch({
    thresholds: { ...defaultThresholds, ...options.pressure },
    readLoad: () => readLoad(dataDir),
    images,
    log,
    signal,
  });
  const checkpoint = new Checkpoint(dataDir, log);
  const remembered = await checkpoint.load();
  const desired = new DesiredPods();
  observePods(metrics, desired);
  const component = 'berth-agent';
  const events = createEventRecorder({ client, clock, random, log, component, host: nodeName });
  const bound = { clock, random, log, fieldSelector: `spec.nodeName=${nodeName}` };
  const informer = createInformer<Pod>(client, pods, bound);
  const vmInformer = createInformer<VM>(client, vms, bound);
  const measurements = await Measurements.load(dataDir, log);
  const disks = new NodeDisks(
    options.disks ?? (await makeDefaultDisk(dataDir)),
    (disk) => measurements.of(disk).measured ?? {},
  );
  const volumes = new VolumeKeeper({
    ...{ nodeName, client, clock, random, log, events, disks, dataDir },
    machines: runtimes.find((runtime) => runtime.machines !== undefined)?.machines,
    changed: (volume) => {
      for (const pod of desired.list()) {
        if (claims(pod, volume)) workers.add(pod.metadata.uid ?? '');
      }
    },
  });
  volumes.known.assume(checkpoint.volumes);
  const topology = new TopologyKeeper({
    ...{ nodeName, client, clock, random, log, runtimes, disks, gpus, measurements },
    memoryBytes: machine.memoryBytes,
    root: options.devicesRoot,
  });
  const names =
    options.names === undefined
      ? undefined
      : new NodeDns({ ...options.names, client, clock, log: log.child({ part: 'dns' }) });
  await names?.prepare({ signal });
  const workers = new PodWorkers({
    client,
    clock,
    log,
    events,
    dataDir,
    volumes,
    machinesDir,
    random,
    desired,
    runtimes,
    specs: checkpoint,
    cni: options.cni,
    nodeNetwork: options.nodeNetwork ?? 'bridge',
    facts: factsOf(options, machine),
    runtimeOf: (pod) => runtimeOf(runtimes, pod),
    isLive: () => desired.live,
    cpusOf: (pod) => cpusOf(pod, desired.list(), machine.cores),
    names,
    gpus,
    checkAllocation: (pod) => {
      const oversell = node === undefined ? undefined : oversellOf(node);
      checkAllocation(pod, desired.list(), { oversell, gpus, passed });
    },
    growthObstacle: (pod, have) => growthObstacle(pod, have, desired.list(), node),
  });
  const readNode = readNodeUsage;
  const usage = new UsageSampler({ nodeName, runtimes, clock, readNode, signal });
  const server =
    options.serving === undefined
      ? undefined
      : await startNodeServer({
          ...options.serving,
          log,
          clock,
          locate: locator(desired, runtimes),
          summary: () => usage.summary(),
          metrics,
          images: runtimes.find(({ name }) => name === defaultRuntime),
          machinesDir,
          adoptable: (target, call) => adoptableObject(runtimes, { target, nodeName }, call),
        });

  const changed = (uid: string) => workers.volumesChanged(uid);
  const cpuMoves = new CpuMoves(machine.cores);
  const references = new ReferenceWatches({ client, clock, random, log, changed });

  const apply = (source: InstanceSource, event: InformerEvent<Pod>) => {
    for (const change of desired.apply(source, event)) workers.changed(change);
    if (desired.live) {
      references.follow(desired.list());
      for (const uid of cpuMoves.after(desired.list())) workers.add(uid);
    }
    if (event.type === 'initDone') void enqueueInstances(options, workers, volumes, signal);
  };
  const subscriptions = [
    informer.events.subscribe((event) => apply('pods', event)),
    vmInformer.events.subscribe((event) => apply('vms', asPods(event))),
    ...runtimes.map((runtime) =>
      runtime.observe({ signal }).subscribe({
        next: (id) => workers.stirred(id),
        error: (error) => log.error({ err: error, runtime: runtime.name }, 'events ended'),
      }),
    ),
  ];
  informer.start();
  vmInformer.start();
  const { labels = {}, addresses } = options;
  const port = server === undefined ? {} : { port: server.port };
  const common = { nodeName, client, clock, log };
  try {
    await Promise.all([
      workers.run({ signal }),
      volumes.run({ signal }),
      topology.run({ signal }),
      measurements.run(
        {
          clock,
          measure: options.measureDisk ?? measureDisk,
          pathOf: (disk) => disks.pathOf(disk),
          usedOf: (disk) => usedVolumes(volumes.known.list(), disk),
        },
        { signal },
      ),
      runNodeLease({ ...common, leaseMs: options.leaseMs }, { signal }),
      runNodeStatus(
        {
          ...common,
          runtimes,
          machine,
          labels,
          addresses,
          ...port,
          images: () => images.nodeImages,
          annotations: async () => ({ ...(await disks.annotations()), ...gpuAnnotations(gpus) }),
          seen: (now) => {
            node = now;
            topology.nodeSeen(now);
          },
          pressure: () => pressure.look(),
        },
        { signal },
      ),
      images.run({ signal }),
      names?.run({ signal }),
      runStorageWatch(
        {
          clock,
          log,
          dataDir,
          pods: () => desired.list(),
          runtimeOf: (pod) => runtimeOf(runtimes, pod),
          evict: (uid, why) => workers.evict(uid, why),
        },
        { signal },
      ),
      startOffline(options, informer, desired, workers, remembered),
      renewing(options, server, { signal }),
      repeat(clock, resyncMs, signal, async () => {
        for (const pod of desired.list()) workers.add(pod.metadata.uid ?? '');
        await enqueueInstances(options, workers, volumes, signal);
      }),
      mendingNetwork(options, { signal }),
      tidyNetworks(options, () => desired.live, { signal }),
      repeat(clock, checkpointMs, signal, async () => {
        if (desired.live) names?.setInstances(desired.list());
        await saveCheckpoint(checkpoint, desired, volumes, log);
      }),
    ]);
  } finally {
    for (const subscription of subscriptions) subscription.unsubscribe();
    await Promise.all([
      informer.stop(),
      vmInformer.stop(),
      references.stop(),
      events.stop(),
      server?.close(),
    ]);
    await saveCheckpoint(checkpoint, desired, volumes, log);
  }
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

function asPods(event: InformerEvent<VM>): InformerEvent<Pod> {
  switch (event.type) {
    case 'init':
    case 'initDone':
      return event;
    case 'initApply':
    case 'delete':
      return { type: event.type, object: podOfVm(event.object) };
    case 'apply':
      return { type: 'apply', object: podOfVm(event.object) };
  }
}

/** A serving certificate is swapped while the server runs. */
async function renewing(
  { certificates, ...common }: AgentOptions,
  server: NodeServer | undefined,
  call: CallOptions,
): Promise<void> {
  if (certificates === undefined) return;
  const { onClient, ...where } = certificates;
  const onRenewed: NodeCertificatesOptions['onRenewed'] = (purpose, pair) => {
    if (purpose === 'client') onClient(pair);
    else server?.useCertificate(pair);
  };
  await keepCertificates({ ...common, ...where, onRenewed }, call);
}

function factsOf({ nodeName, addresses, apiServer }: AgentOptions, machine: Machine): NodeFacts {
  const hostIp = addresses.find((each) => each.type === 'InternalIP')?.address ?? '';
  const allocatable = allocatableQuantities(machine);
  return { nodeName, hostIp, allocatable, ...(apiServer === undefined ? {} : { apiServer }) };
}

/** Adopts what runs, and finds what nobody wants any more, on disk too. */
async function enqueueInstances(
  { runtimes, dataDir, log, cni }: AgentOptions,
  workers: PodWorkers,
  volumes: VolumeKeeper,
  signal: AbortSignal,
): Promise<void> {
  for (const uid of (await cni?.holders()) ?? []) workers.add(uid);
  for (const uid of await podDirectories(dataDir)) workers.add(uid);
  for (const uid of await volumes.holders()) workers.add(uid);
  for (const runtime of runtimes) {
    try {
      for (const { id } of await runtime.list({ signal })) workers.add(id);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, runtime: runtime.name }, 'runtime not listed');
    }
  }
}

async function startOffline(
  { clock, log, signal }: AgentOptions,
  informer: Informer<Pod>,
  desired: DesiredPods,
  workers: PodWorkers,
  remembered: readonly Pod[],
): Promise<void> {
  const synced = new AbortController();
  const waiting = AbortSignal.any([signal, synced.signal]);
  informer.untilSynced({ signal: waiting }).then(
    () => synced.abort(),
    () => undefined,
  );
  await clock.sleep(offlineAfterMs, waiting).catch(() => undefined);
  // What was about to end is left as it is: nothing is removed while nobody can tell.
  const staying = remembered.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (waiting.aborted || staying.length === 0) return;
  log.warn({ pods: staying.length }, 'no control plane: starting the last known pods');
  for (const change of desired.assume(staying)) workers.changed(change);
}

async function saveCheckpoint(
  checkpoint: Checkpoint,
  desired: DesiredPods,
  volumes: VolumeKeeper,
  log: Log,
) {
  try {
    if (volumes.known.live) checkpoint.setVolumes(volumes.known.list());
    if (desired.live) checkpoint.setPods(desired.list());
    await checkpoint.save();
  } catch (error) {
    log.warn({ err: error }, 'checkpoint not saved');
  }
}
