/** Brings the image and the resolved specification of a container, or says what it waits for. */
import type { Container } from '../../api/kinds.gen.ts';
import { StatusError } from '../../api/status.ts';
import { isVm, type VmInstance } from '../../api/vm-instance.ts';
import { claimsOf } from '../../api/volume.ts';
import { type CniAttachment, hasMain } from '../../runtime/cni/cni.ts';
import { DiskError } from '../../runtime/disk/disk-images.ts';
import type { MachineSpec } from '../../runtime/machine.ts';
import type { ContainerSpec, DeviceLimits, InstanceNetwork } from '../../runtime/runtime.ts';
import { AddressPending, type InstanceNetworks } from '../addresses/instance-networks.ts';
import { type HeldVolume, VolumeWait } from '../disks/hold-volumes.ts';
import { giveTreeToGroup } from '../files/fs-group.ts';
import { withMessageFile } from '../hooks/termination-message.ts';
import { type MachineNetworks, prepareMachine } from '../machines/prepare-machine.ts';
import { heldBack } from '../machines/room-to-grow.ts';
import { ConfigError } from '../pod/config-error.ts';
import type { NodeFacts } from '../pod/downward.ts';
import type { Waiting } from '../pod/pod-view.ts';
import { ioOf, resolveContainer } from '../spec/container-spec.ts';
import { diskLimitsOf } from '../spec/disk-limits.ts';
import { namespacesOf } from '../spec/pod-namespaces.ts';
import type { NetworkedReferences } from './attach-networks.ts';
import { bringImage } from './bring-image.ts';
import { checkCpus } from './follow-cpus.ts';
import type { PodContext } from './pod-context.ts';
import { record } from './record.ts';

export type Prepared =
  | {
      readonly type: 'ready';
      readonly spec: ContainerSpec;
      readonly machine?: MachineSpec;
      readonly address?: InstanceNetwork;
    }
  | { readonly type: 'waiting'; readonly waiting: Waiting; readonly retryAtMs: number };

/** How often a pod whose address is not its own yet looks again. */
const addressRetryMs = 1_000;
/** How often a pod whose ConfigMap or Secret is missing looks again. */
const configRetryMs = 5_000;

export async function prepareContainer(
  context: PodContext,
  references: NetworkedReferences,
  container: Container,
  attempt: number,
): Promise<Prepared> {
  const brought = await bringImage(context, references, container);
  if (brought.type === 'waiting') return brought;
  const { image } = brought;
  const addressed = await addressesOf(context, references, container);
  if (addressed.type === 'waiting') return addressed;
  const { networks, attachments } = addressed;
  const address = isVm(context.pod) ? undefined : networks[0];
  const known = address === undefined ? {} : { address };
  const { pod, dataDir, uid, specs, clock } = context;
  const { facts } = addressed;
  let held: ReadonlyMap<string, HeldVolume> | undefined;
  try {
    // Checked here, where it becomes a waiting reason; `ensure` gets the result.
    namespacesOf(pod, facts.nodeName);
    context.checkAllocation(pod);
    checkCpus(context);
    held = await heldBy(context);
    const { gpus } = context;
    const { signal } = context;
    const within = { pod, dataDir, facts, references, image, held, gpus, signal };
    const disk = await diskLimitsOf(pod, dataDir);
    const resolved = await resolveContainer(container, attempt, within);
    const spec = withIo(resolved, disk);
    specs.put(uid, spec);
    const machine = await machineOf(context, { pools: networks, attachments }, held);
    delete context.memory.of(container.name).configError;
    if (machine !== undefined) return { type: 'ready', spec, machine };
    return { type: 'ready', spec: await withMessageFile(context, container, spec), ...known };
  } catch (error) {
    if (error instanceof VolumeWait) {
      const { message } = error;
      const memory = context.memory.of(container.name);
      if (memory.configError !== message) warn(context, 'FailedMount', message);
      memory.configError = message;
      const waiting = { reason: 'VolumePending', message };
      return { type: 'waiting', waiting, retryAtMs: clock.now() + configRetryMs };
    }
    if (error instanceof ConfigError || error instanceof DiskError || isRefusal(error)) {
      return refused(context, container, error.message);
    }
    // Without the control plane the container starts as it last did.
    const remembered = specs.get(uid, container.name);
    // What its mounts show must be there: without its volumes it would write beside them.
    if (!isOutage(error) || remembered === undefined || held === undefined) throw error;
    const { io: _, ...rest } = remembered;
    const own = { ...rest, attempt, ...ioOf(container, pod, held) };
    const spec = withIo(own, await diskLimitsOf(pod, dataDir));
    return { type: 'ready', spec: await withMessageFile(context, container, spec), ...known };
  }
}

function withIo(spec: ContainerSpec, more: readonly DeviceLimits[]): ContainerSpec {
  return more.length === 0 ? spec : { ...spec, io: [...(spec.io ?? []), ...more] };
}

async function addressesOf(
  context: PodContext,
  references: NetworkedReferences,
  container: Container,
): Promise<
  | {
      readonly type: 'known';
      readonly networks: InstanceNetworks;
      readonly attachments: readonly CniAttachment[];
      readonly facts: NodeFacts;
    }
  | Extract<Prepared, { type: 'waiting' }>
> {
  const { clock, pod, facts: nodeFacts } = context;
  try {
    const networks = await references.networks();
    const attachments = await references.attachments();
    const main = attachments.find((each) => hasMain([each]))?.addresses[0];
    const { address: podIp } = (isVm(pod) ? undefined : (main ?? networks[0])) ?? {};
    const facts = podIp === undefined ? nodeFacts : { ...nodeFacts, podIp };
    return { type: 'known', networks, attachments, facts };
  } catch (error) {
    if (error instanceof ConfigError) return refused(context, container, error.message);
    if (!(error instanceof AddressPending || isRefusal(error))) throw error;
    const waiting = { reason: 'AddressPending', message: error.message };
    return { type: 'waiting', waiting, retryAtMs: clock.now() + addressRetryMs };
  }
}

/** It waits until somebody has changed what is wrong. */
function refused(
  context: PodContext,
  { name }: Container,
  message: string,
): Extract<Prepared, { type: 'waiting' }> {
  const waiting = { reason: 'CreateContainerConfigError', message };
  const memory = context.memory.of(name);
  // Told once, not at every look: others of the pod's events would be cut off.
  if (memory.configError !== message) warn(context, 'Failed', `Error: ${message}`);
  memory.configError = message;
  return { type: 'waiting', waiting, retryAtMs: context.clock.now() + configRetryMs };
}

/** Volumes may have to be checked and mounted, and given to the pod's group file by file. */
async function heldBy(context: PodContext): Promise<ReadonlyMap<string, HeldVolume>> {
  const { pod, memory, volumes, signal, aside } = context;
  if (claimsOf(pod).length === 0) return new Map();
  return await aside(async () => {
    const held = await volumes.hold(pod, { signal });
    for (const [name, { path }] of held) {
      if (memory.given.has(name)) continue;
      if (path !== undefined) await giveTreeToGroup(path, pod);
      memory.given.add(name);
    }
    return held;
  });
}

/** Disks may take long to fetch and make; others go on meanwhile. */
async function machineOf(
  context: PodContext,
  networks: MachineNetworks,
  held: ReadonlyMap<string, HeldVolume>,
): Promise<MachineSpec | undefined> {
  const { pod, uid, machinesDir, signal, aside, names, runtime } = context;
  if (!isVm(pod)) return undefined;
  const pools = networks.pools.map((network) => {
    if (network === undefined || names === undefined) return network;
    const { servers = network.dns } = names.dnsOf(pod, runtime.name, network) ?? {};
    return { ...network, dns: servers };
  });
  const attachments = networks.attachments.map((each) => {
    const dns = names?.dnsOf(pod, runtime.name, undefined, each) ?? each.dns;
    return { ...each, dns };
  });
  const named = { pools, attachments };
  const had = (await runtime.machines?.disks(uid, { signal })) ?? [];
  const fetching = (url: string) => record(context, 'Normal', 'Pulling', `Pulling image "${url}"`);
  const options = { had, signal, fetching };
  const machine = await aside(() => prepareMachine(pod.vm, named, machinesDir, held, options));
  return await withinRoom(context, pod, machine);
}

/** What it grew by since it last ran it gets where that is left: `followMachine` goes on telling. */
async function withinRoom(
  context: PodContext,
  pod: VmInstance,
  machine: MachineSpec,
): Promise<MachineSpec> {
  const { runtime, uid, signal } = context;
  const { size: had, state } = (await runtime.get(uid, { signal }))?.machine ?? {};
  // What was saved goes on as it was.
  if (had === undefined || state === 'saved') return machine;
  const obstacle = context.growthObstacle(pod, had);
  if (obstacle === undefined) return machine;
  warn(context, 'FailedAdjust', `started with what it had: ${obstacle}`);
  return heldBack(machine, had);
}

/** The API has answered, and will not give what the pod names. */
function isRefusal(error: unknown): error is StatusError {
  return error instanceof StatusError && (error.code === 403 || error.code === 404);
}

function isOutage(error: unknown): boolean {
  return error instanceof StatusError && error.code >= 500;
}

function warn(context: PodContext, reason: string, message: string): void {
  record(context, 'Warning', reason, message);
}
