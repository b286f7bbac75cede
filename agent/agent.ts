/** The agent of one node: makes the pods that are bound to it real, and tells how they are. */
import type { Pod, VM } from '../api/kinds.gen.ts';
import { defaultRuntime } from '../api/node-fit.ts';
import { podOfVm } from '../api/vm-instance.ts';
import { usedVolumes } from '../api/volume.ts';
import type { InformerEvent } from '../client/informer.ts';
import type { CallOptions } from '../lib/call.ts';
import { repeat } from '../lib/repeat.ts';
import { underAny } from '../lib/under-any.ts';
import type { AgentOptions } from './agent-options.ts';
import { type AgentParts, makeParts } from './agent-parts.ts';
import { gpuAnnotations } from './devices/gpus.ts';
import { podDirectories } from './files/volumes.ts';
import { mendingNetwork } from './networks/mend-network.ts';
import { tidyNetworks } from './networks/tidy-networks.ts';
import { keepCertificates, type NodeCertificatesOptions } from './node/node-certificates.ts';
import { runNodeLease } from './node/node-lease.ts';
import { runNodeStatus } from './node/node-status.ts';
import { runStorageWatch } from './pressure/storage-watch.ts';
import { type NodeServer, startNodeServer } from './server/server.ts';
import { CpuMoves } from './spec/pod-cpus.ts';
import { adoptableObject } from './sync/adoption.ts';
import type { InstanceSource } from './sync/desired-pods.ts';
import { locator, runtimeOf } from './sync/locate.ts';
import { measureDisk } from './topology/measure-disk.ts';

/** How long the API may take to answer before the node starts what it last knew. */
const offlineAfterMs = 5_000;
/** Every pod is looked at this often, whether something was heard of it or not. */
const resyncMs = 60_000;
const checkpointMs = 1_000;

/** Runs until `signal` aborts; what the node runs goes on without it. Rejects only when it cannot start. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const parts = await makeParts(options);
  const server = await startServer(parts);
  const unfollow = follow(parts);
  const { informer, vmInformer, references, events } = parts;
  informer.start();
  vmInformer.start();
  try {
    await Promise.all([...runParts(parts, server), ...runRounds(parts, server)]);
  } finally {
    unfollow();
    await Promise.all([
      informer.stop(),
      vmInformer.stop(),
      references.stop(),
      events.stop(),
      server?.close(),
    ]);
    await saveCheckpoint(parts);
  }
}

/** For logs, exec and the like; none where they are not served. */
async function startServer(parts: AgentParts): Promise<NodeServer | undefined> {
  const { options, log, metrics, desired, runtimes, usage, machinesDir } = parts;
  const { serving, clock, nodeName } = options;
  if (serving === undefined) return undefined;
  return await startNodeServer({
    ...serving,
    ...{ log, clock, metrics, machinesDir },
    locate: locator(desired, runtimes),
    summary: () => usage.summary(),
    images: runtimes.find(({ name }) => name === defaultRuntime),
    adoptable: (target, call) => adoptableObject(runtimes, { target, nodeName }, call),
  });
}

/** Whatever the API or a runtime tells of an instance wakes its worker; the returned function ends that. */
function follow(parts: AgentParts): () => void {
  const { signal, log, machine, desired, runtimes, workers, references } = parts;
  const cpuMoves = new CpuMoves(machine.cores);
  const apply = (source: InstanceSource, event: InformerEvent<Pod>) => {
    for (const change of desired.apply(source, event)) workers.changed(change);
    if (desired.live) {
      references.follow(desired.list());
      for (const uid of cpuMoves.after(desired.list())) workers.add(uid);
    }
    if (event.type === 'initDone') void enqueueInstances(parts);
  };
  const subscriptions = [
    parts.informer.events.subscribe((event) => apply('pods', event)),
    parts.vmInformer.events.subscribe((event) => apply('vms', asPods(event))),
    ...runtimes.map((runtime) =>
      runtime.observe({ signal }).subscribe({
        next: (id) => workers.stirred(id),
        error: (error) => log.error({ err: error, runtime: runtime.name }, 'events ended'),
      }),
    ),
  ];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

/** Each until the agent ends. */
function runParts(parts: AgentParts, server: NodeServer | undefined) {
  const { options, signal, log, desired, disks, volumes, workers, measurements } = parts;
  const { nodeName, client, clock, dataDir, leaseMs } = options;
  const call = { signal };
  return [
    workers.run(call),
    volumes.run(call),
    parts.topology.run(call),
    measurements.run(
      {
        clock,
        measure: options.measureDisk ?? measureDisk,
        pathOf: (disk) => disks.pathOf(disk),
        usedOf: (disk) => usedVolumes(volumes.known.list(), disk),
      },
      call,
    ),
    runNodeLease({ nodeName, client, clock, log, leaseMs }, call),
    tellStatus(parts, server),
    parts.images.run(call),
    parts.names?.run(call),
    runStorageWatch(
      {
        ...{ clock, log, dataDir },
        pods: () => desired.list(),
        runtimeOf: (pod) => runtimeOf(parts.runtimes, pod),
        evict: (uid, why) => workers.evict(uid, why),
      },
      call,
    ),
  ];
}

function tellStatus(parts: AgentParts, server: NodeServer | undefined): Promise<void> {
  const { options, signal, log, runtimes, machine, disks, gpus, seen, topology } = parts;
  const { nodeName, client, clock, labels = {}, addresses } = options;
  return runNodeStatus(
    {
      ...{ nodeName, client, clock, log, runtimes, machine, labels, addresses },
      ...(server === undefined ? {} : { port: server.port }),
      images: () => parts.images.nodeImages,
      annotations: async () => ({ ...(await disks.annotations()), ...gpuAnnotations(gpus) }),
      seen: (node) => {
        seen.node = node;
        topology.nodeSeen(node);
      },
      pressure: () => parts.pressure.look(),
    },
    { signal },
  );
}

/** What is done once after the start, and what again and again. */
function runRounds(parts: AgentParts, server: NodeServer | undefined) {
  const { options, signal, desired, workers, names } = parts;
  const { clock } = options;
  return [
    startOffline(parts),
    renewing(options, server, { signal }),
    repeat(clock, resyncMs, signal, async () => {
      for (const pod of desired.list()) workers.add(pod.metadata.uid ?? '');
      await enqueueInstances(parts);
    }),
    mendingNetwork(options, { signal }),
    tidyNetworks(options, () => desired.live, { signal }),
    repeat(clock, checkpointMs, signal, async () => {
      if (desired.live) names?.setInstances(desired.list());
      await saveCheckpoint(parts);
    }),
  ];
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

/** Adopts what runs, and finds what nobody wants any more, on disk too. */
async function enqueueInstances({ options, signal, workers, volumes }: AgentParts): Promise<void> {
  const { runtimes, dataDir, log, cni } = options;
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

async function startOffline(parts: AgentParts): Promise<void> {
  const { options, informer, desired, workers, remembered } = parts;
  const { clock, log, signal } = options;
  const synced = new AbortController();
  await underAny([signal, synced.signal], async (waiting) => {
    informer.untilSynced({ signal: waiting }).then(
      () => synced.abort(),
      () => undefined,
    );
    await clock.sleep(offlineAfterMs, waiting).catch(() => undefined);
  });
  // What was about to end is left as it is: nothing is removed while nobody can tell.
  const staying = remembered.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (signal.aborted || synced.signal.aborted || staying.length === 0) return;
  log.warn({ pods: staying.length }, 'no control plane: starting the last known pods');
  for (const change of desired.assume(staying)) workers.changed(change);
}

async function saveCheckpoint({ checkpoint, desired, volumes, log }: AgentParts): Promise<void> {
  try {
    if (volumes.known.live) checkpoint.setVolumes(volumes.known.list());
    if (desired.live) checkpoint.setPods(desired.list());
    await checkpoint.save();
  } catch (error) {
    log.warn({ err: error }, 'checkpoint not saved');
  }
}
