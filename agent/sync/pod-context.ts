/** What one pass over a pod works with. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { VmInstance } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { CniNetworks } from '../../runtime/cni/networks.ts';
import type { ContainerSpec, CpuChoice, GpuDevice, Runtime } from '../../runtime/runtime.ts';
import type { NetworkStore } from '../addresses/instance-networks.ts';
import type { HeldVolume } from '../disks/hold-volumes.ts';
import type { PodNames } from '../dns/node-dns.ts';
import type { ContainerLife } from '../hooks/container-life.ts';
import type { ImagePulls } from '../images/image-pulls.ts';
import type { MachineSize } from '../machines/room-to-grow.ts';
import type { NodeNetwork } from '../networks/cni-requests.ts';
import type { WantedNetworks } from '../networks/wanted-networks.ts';
import type { NodeFacts } from '../pod/downward.ts';
import type { PodMemory } from '../pod/pod-memory.ts';
import type { Waiting } from '../pod/pod-view.ts';

export interface PodDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly dataDir: string;
  /** Where disks and consoles of virtual machines lie; the hypervisor's user must be able to enter it. */
  readonly machinesDir: string;
  readonly facts: NodeFacts;
  /** The runtime that a pod asks for; `undefined` when this node has it not. */
  runtimeOf(pod: Pod): Runtime | undefined;
  /** Resolved specifications that outlive the agent, for when the API cannot be asked. */
  readonly specs: SpecStore;
  readonly volumes: VolumeAccess;
  /** The processors a pod runs on now, beside the others; throws `ConfigError` when it has wrong ones. */
  cpusOf(pod: Pod): CpuChoice;
  /** Of this node, by their numbers. */
  readonly gpus: readonly (GpuDevice | undefined)[];
  /** Throws `ConfigError` when the pod was given devices that are not there, or are another's. */
  checkAllocation(pod: Pod): void;
  /** Why a running machine cannot have more than it has now; undefined when it can. */
  growthObstacle(pod: VmInstance, have: MachineSize): string | undefined;
  /** Whether all pods of the node are known; before that nobody is moved because of the others. */
  isLive(): boolean;
  /** Probes and hooks of what runs. */
  readonly life: ContainerLife;
  readonly images: ImagePulls;
  /** Networks by CNI that instances have. @default none */
  readonly cni?: CniNetworks | undefined;
  /** What an instance that names no network gets. */
  readonly nodeNetwork: NodeNetwork;
  /** How pods resolve names. @default as the machine does */
  readonly names?: PodNames | undefined;
  /** Runs what may take long without using the engine's strength: others go on meanwhile. */
  aside<T>(task: () => Promise<T>): Promise<T>;
}

/** The volumes that pods claim, with who may use them. */
export interface VolumeAccess {
  /** By the name that the pod claims; throws `VolumeWait`. */
  hold(pod: Pod, options: CallOptions): Promise<ReadonlyMap<string, HeldVolume>>;
  /** Gives back what an instance held, which has ended. */
  release(uid: string, options: CallOptions): Promise<void>;
  /** Gives back what a machine claims no more; it must have let go of it. */
  releaseUnclaimed(pod: Pod, options: CallOptions): Promise<void>;
  /** Uids of instances that hold something. */
  holders(): Promise<readonly string[]>;
  /** Changes whenever other limits hold for what the pod claims, or it has grown; empty without claims. */
  limitsKey(pod: Pod): string;
}

export interface SpecStore extends NetworkStore {
  get(uid: string, container: string): ContainerSpec | undefined;
  put(uid: string, spec: ContainerSpec): void;
}

export interface PodContext extends PodDeps {
  readonly pod: Pod;
  readonly uid: string;
  readonly memory: PodMemory;
  readonly runtime: Runtime;
  /** By CNI. */
  readonly networks: WantedNetworks;
  readonly signal: AbortSignal;
  /** Tells the API what containers wait for while the pass goes on; a failure is only logged. */
  tell(waiting: ReadonlyMap<string, Waiting>): Promise<void>;
}
