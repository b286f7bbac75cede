import type { Readable, Writable } from 'node:stream';
import type { Observable } from 'rxjs';
import type { PodSpec, VMSpec } from '../api/kinds.gen.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Adopter } from './adoptions.ts';
import type { CniAttachment, CniRequest } from './cni/cni.ts';
import type { ImageStore } from './image-store.ts';
import type { MachineControl, MachineSpec, MachineStatus } from './machine.ts';
import type { InstanceUsage } from './usage.ts';

/** The uid of the object (Pod, VM) that an instance makes real. */
export type InstanceId = string;

export type RuntimeName = 'docker' | 'systemd' | 'libvirt' | 'fake';

/** What must run, with everything resolved: no reference to another object is left in it. */
export interface InstanceSpec {
  readonly id: InstanceId;
  readonly namespace: string;
  readonly name: string;
  /** Short host name inside the instance; at most 63 characters. */
  readonly hostname: string;
  /** `host` shares the machine's network namespace. */
  readonly network: 'bridge' | 'host';
  /**
   * The address it has instead of one that the runtime picks; up before its first process starts.
   * Must not change during the instance's life. A machine has its own with each interface.
   */
  readonly address?: InstanceNetwork;
  /**
   * Networks by CNI, up before its first process starts; one on `eth0` is in place of the runtime's
   * own. `attachNetworks` says what it has.
   */
  readonly cni?: readonly CniRequest[];
  /**
   * The network must outlive each container, because others may join it later. Must not change
   * during the instance's life. @default true when there is more than one container
   */
  readonly sharedNetwork?: boolean;
  /**
   * What a shared network publishes, also for containers that come later. Must not change during
   * the instance's life. @default the ports of `containers`
   */
  readonly sharedPorts?: readonly PortSpec[];
  readonly containers: readonly ContainerSpec[];
  /**
   * Whose processes the containers see: the machine's, or one another's, which needs `sharedNetwork`.
   * @default each only its own
   */
  readonly pid?: 'host' | 'shared';
  /** Shares the machine's System V IPC and POSIX message queues. */
  readonly ipc?: 'host';
  /** Lines added to `/etc/hosts`. */
  readonly hosts?: readonly HostAlias[];
  /** Replaces the machine's way to resolve names. */
  readonly dns?: DnsSpec;
  /** With it the full host name is `<hostname>.<domain>`. */
  readonly domain?: string;
  /** Kernel parameters of the instance's own namespaces. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Where its containers run when they start. @default all processors */
  readonly cpus?: CpuChoice;
  /** Present on virtual machines; its one container stands for the guest. */
  readonly machine?: MachineSpec;
}

/** An address that stays with its holder, and the flat segment it is on: one bridge per node. */
export interface InstanceNetwork {
  readonly pool: string;
  /** Made when it is not there. */
  readonly bridge: string;
  /** An interface of the node that joins the bridge to those of other nodes. @default none */
  readonly uplink?: string;
  /** IPv4. */
  readonly address: string;
  readonly prefixLength: number;
  /** @default nothing but the segment is reached */
  readonly gateway?: string;
  /** Made of the address, so that whoever gets it later is reached at once. */
  readonly mac: string;
  /** Servers of names, before the node's own. */
  readonly dns: readonly string[];
}

/** Processors as Linux lists them: `0-3,8`. */
export interface CpuChoice {
  readonly cpus: string;
  /** They are all that the machine has: nothing needs to be said where nothing was. */
  readonly isAll: boolean;
  /** NUMA nodes whose memory is used. @default any */
  readonly memoryNodes?: string;
}

export interface HostAlias {
  readonly ip: string;
  readonly names: readonly string[];
}

/** Empty lists leave the machine's own in force. */
export interface DnsSpec {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  /** As in resolv.conf: `ndots:2`. */
  readonly options: readonly string[];
}

export interface ContainerSpec {
  readonly name: string;
  /** Goes up by one for each restart; the runtime keeps the previous attempt for `logs --previous`. */
  readonly attempt: number;
  readonly image: string;
  /** Replaces the image's entrypoint when present. */
  readonly command?: readonly string[];
  /** Replaces the image's arguments when present. */
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env: Readonly<Record<string, string>>;
  /** `uid` or `uid:gid`. */
  readonly user?: string;
  /** Further groups of its first process. @default none */
  readonly groups?: readonly number[];
  /** Changes to the runtime's own set of rights; names without `CAP_`, `ALL` for every one. */
  readonly capabilities?: { readonly add: readonly string[]; readonly drop: readonly string[] };
  /** Its processes never gain rights, through setuid programs neither. @default false */
  readonly noNewPrivileges?: boolean;
  /** Filter of system calls: none, or this one (Docker's JSON). @default the runtime's own */
  readonly seccomp?: 'Unconfined' | { readonly profile: string };
  readonly tty: boolean;
  readonly stdin: boolean;
  /** The process's input ends when the first one who is attached to it goes. @default false */
  readonly stdinOnce?: boolean;
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  /**
   * Present on what joins others that run already, to look into them: their network, and the
   * processes of the container it names. It publishes no ports, and `StartFailed` when none runs.
   */
  readonly beside?: { readonly processesOf?: string };
  readonly ports: readonly PortSpec[];
  readonly mounts: readonly MountSpec[];
  /** Block devices of the machine that it reaches. @default none */
  readonly devices?: readonly DeviceSpec[];
  readonly limits: ResourceLimits;
  /** What it may do with block devices that it reaches. @default all */
  readonly io?: readonly DeviceLimits[];
  /**
   * The GPUs that it may use, and no others; empty on a node that has some which are not for it.
   * @default nothing is said about GPUs
   */
  readonly gpus?: readonly GpuDevice[];
}

/** A block device; its node is made at `containerPath`, with the rights to use it. */
export interface DeviceSpec {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

export interface GpuDevice {
  readonly vendor: 'nvidia' | 'amd';
  /** By which the vendor's programs name it; of NVIDIA its UUID. */
  readonly id: string;
  /** Device files that a process needs for it. */
  readonly paths: readonly string[];
}

/** Of one block device of the machine. */
export interface DeviceLimits extends IoLimits {
  /** `/dev/loop3`. */
  readonly device: string;
  /** `7:3`. */
  readonly number: string;
}

export interface PortSpec {
  readonly containerPort: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Published on the machine when present. */
  readonly hostPort?: number;
  readonly hostIp?: string;
}

/** A directory or file of the machine shown inside the container. */
export interface MountSpec {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

/** Absent = unlimited. */
export interface ResourceLimits {
  /** Thousandths of a core, as a hard limit (CFS quota). */
  readonly cpuMilli?: number;
  /** Thousandths of a core asked for; becomes the relative weight. */
  readonly cpuRequestMilli?: number;
  readonly memoryBytes?: bigint;
}

/** What may be done with a block device in a second; absent = unlimited. */
export interface IoLimits {
  readonly readIops?: number;
  readonly writeIops?: number;
  readonly readBytesPerSecond?: bigint;
  readonly writeBytesPerSecond?: bigint;
}

/** What really runs, as the runtime tells it. */
export interface InstanceStatus {
  readonly id: InstanceId;
  readonly namespace: string;
  readonly name: string;
  /** Addresses inside the instance; empty while none is up. */
  readonly ips: readonly string[];
  /** The newest attempt of each container, and the one before it. */
  readonly containers: readonly ContainerStatus[];
  /** Of virtual machines. */
  readonly machine?: MachineStatus;
}

export interface ContainerStatus {
  readonly name: string;
  readonly attempt: number;
  /** `docker://<id>` and the like. */
  readonly containerId: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** How the attempt before this one ended, where there was one. */
  readonly previous?: Extract<ContainerState, { phase: 'exited' }> & {
    readonly containerId: string;
  };
}

export type ContainerState =
  | { readonly phase: 'created' }
  | { readonly phase: 'running'; readonly startedAtMs: number }
  | {
      readonly phase: 'exited';
      readonly exitCode: number;
      readonly oomKilled: boolean;
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      /** The engine's own words when it could not be started. */
      readonly message?: string;
    };

export interface StopOptions extends CallOptions {
  readonly graceMs: number;
  /** Only this container; does not wait for other calls on the instance. */
  readonly containerId?: string;
}

export interface LogOptions extends CallOptions {
  readonly container: string;
  /** The attempt before the newest. */
  readonly previous: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
}

/** Bytes as the process wrote them, the two streams apart. */
export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

export interface ExecOptions extends CallOptions {
  readonly container: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Aborting ends the process too, as far as the engine lets us. @default false */
  readonly killOnAbort?: boolean;
}

export interface AttachOptions extends CallOptions {
  readonly container: string;
  readonly stdin: boolean;
}

/** What one talks with a process through. With a terminal everything comes on `stdout`. */
export interface ProcessStreams {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  resize(size: { readonly columns: number; readonly rows: number }): Promise<void>;
}

/** A process started inside a container. */
export interface ExecSession extends ProcessStreams {
  /** Resolves with the exit code once the process ended and its output is read. */
  readonly exit: Promise<number>;
}

/** A container's own process, joined while it runs; ending `stdin` reaches it with `stdinOnce` only. */
export interface AttachSession extends ProcessStreams {
  /** Resolves once the process's output has ended and is read; rejects when the join was cut. */
  readonly ended: Promise<void>;
}

/** What a runtime has and can; shown on the Node. */
export interface RuntimeInfo {
  readonly name: RuntimeName;
  readonly version: string;
  readonly os: string;
  readonly kernelVersion: string;
  readonly architecture: string;
}

export type ImagePullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/** Whom a registry shall take us for. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** The registry's host, with its port. */
  readonly server: string;
}

/** How far a pull is; both grow while the registry tells what there is. */
export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PullOptions extends CallOptions {
  /** @default nobody */
  readonly auth?: RegistryCredentials;
  /** Called often. */
  readonly progress?: (progress: PullProgress) => void;
}

export interface ImageInfo {
  readonly id: string;
  readonly sizeBytes: number;
  /** Whom its programs run as, by name or number, with a group after a colon; empty for root. */
  readonly user: string;
}

/**
 * What a driver cannot do: a terminal, input to a container's own process, the two outputs of a
 * container apart, a host name of an instance's own, images that are brought and kept by it, taking
 * over what runs already.
 */
export type RuntimeGap = 'tty' | 'stdin' | 'streams' | 'hostname' | 'images' | 'adoption';

/** Work that somebody else started, as a pod would have to say it. */
export interface Adoptable {
  /** For `adopt`; stays the same when it is renamed. */
  readonly target: string;
  readonly spec: PodSpec;
  /** In a sentence each: what it has and no pod can say, so that it is lost with its first restart. */
  readonly lacking: readonly string[];
}

/** A machine that somebody else made, as a VM would have to say it. */
export interface AdoptableMachine {
  /** For `adopt`; stays the same when it is renamed. */
  readonly target: string;
  readonly name: string;
  readonly machine: VMSpec;
  /** In a sentence each: what Berth cannot do with it. Nothing of it is lost with a restart. */
  readonly lacking: readonly string[];
}

/** Takes what runs already under management, and gives it away again; its processes do not notice. */
export interface Adopting {
  /** By the engine's own name for it. `NotFound`; `InvalidSpec` when it cannot be adopted, with why. */
  describe(name: string, options: CallOptions): Promise<Adoptable | AdoptableMachine>;

  /** From now on it is the instance's container, attempt 0, and nobody else restarts it. `NotFound` when it is gone. */
  adopt(target: string, adopter: Adopter, options: CallOptions): Promise<void>;

  /** All that the instance has runs on and is nobody's; the engine restarts it by itself where `restarts`. */
  release(id: InstanceId, restarts: boolean, options: CallOptions): Promise<void>;
}

/** One driver on one node. Every call may be repeated after a crash without further effect. */
export interface Runtime {
  readonly name: RuntimeName;

  /** What is asked of it all the same is `InvalidSpec`, with the field's name, or has no effect. */
  readonly gaps: readonly RuntimeGap[];

  /** Absent where it has the gap `adoption`. */
  readonly adopting?: Adopting;

  /** Throws `Unavailable` when the engine cannot be reached. */
  info(options: CallOptions): Promise<RuntimeInfo>;

  /** All that carries this node's label, including what the API no longer knows. */
  list(options: CallOptions): Promise<readonly InstanceStatus[]>;

  /** One instance as it is now, or `undefined` when nothing carries its id. */
  get(id: InstanceId, options: CallOptions): Promise<InstanceStatus | undefined>;

  /** Ids of instances whose state may have changed; every known id whenever events may have been lost. Ends with `signal`. */
  observe(options: CallOptions): Observable<InstanceId>;

  /** Makes the image present by `policy`; `ImageMissing`, `ImagePullFailed` (the engine's words) or `InvalidSpec`. */
  ensureImage(image: string, policy: ImagePullPolicy, options: PullOptions): Promise<void>;

  /** What is known of an image that is present; `undefined` when it is not. */
  imageInfo(image: string, options: CallOptions): Promise<ImageInfo | undefined>;

  /** Every image of the engine, also those that others brought or use. */
  listImages(options: CallOptions): Promise<ImageStore>;

  /** By id or name, with all its names; resolves also when it is gone. `ImageInUse` says by whom. */
  removeImage(image: string, options: CallOptions): Promise<void>;

  /**
   * Creates and starts what of `spec` is missing: a container whose newest attempt is lower than asked
   * is replaced, one that exited at the asked attempt stays exited. Containers no longer in `spec` are
   * removed. Removes what it half made. Images must be present (`ensureImage`), else `ImageMissing`;
   * `InvalidSpec` and `StartFailed` name the container, and leave the ones before it running; they
   * name none when it is the shared network that cannot be made.
   */
  ensure(spec: InstanceSpec, options: CallOptions): Promise<InstanceStatus>;

  /**
   * Makes what holds the network of an instance, with all that `cni` of `spec` asks for, and leaves what
   * is there; `ensure` starts its containers in it. Fails as `ensure` does about a shared network.
   * Absent: the runtime has no networks by CNI.
   */
  attachNetworks?(spec: InstanceSpec, options: CallOptions): Promise<readonly CniAttachment[]>;

  /**
   * Moves the running containers of an instance to these processors; writes nothing where they are on
   * them already, and resolves when there are none. Absent: the runtime binds nothing to processors.
   */
  setCpus?(id: InstanceId, choice: CpuChoice, options: CallOptions): Promise<void>;

  /**
   * Holds the running containers of an instance to these limits of block devices, by container name.
   * Absent: they hold from the next start on.
   */
  setIo?(
    id: InstanceId,
    io: ReadonlyMap<string, readonly DeviceLimits[]>,
    options: CallOptions,
  ): Promise<void>;

  /** What only virtual machines can; absent where instances are none. */
  readonly machines?: MachineControl;

  /** Stops it and keeps everything it owns; SIGTERM, then SIGKILL after `graceMs`. */
  stop(id: InstanceId, options: StopOptions): Promise<void>;

  /** Stops and forgets it; resolves also if `id` is already gone. */
  remove(id: InstanceId, options: CallOptions & { readonly graceMs: number }): Promise<void>;

  /** Ends at the end of the log, or with `follow` when the container ends. */
  logs(id: InstanceId, options: LogOptions): AsyncIterable<LogChunk>;

  /** `NotFound` unless the container runs; a command that cannot be started exits with 126 or 127. */
  exec(id: InstanceId, options: ExecOptions): Promise<ExecSession>;

  /** `NotFound` unless the container runs. What it printed before is in its log only. */
  attach(id: InstanceId, options: AttachOptions): Promise<AttachSession>;

  /** What every running container of this node uses now; those that just ended are left out. */
  stats(options: CallOptions): Promise<readonly InstanceUsage[]>;

  /** Bytes that each container of an instance has written: its layer and its log. Takes long. */
  diskUsage(id: InstanceId, options: CallOptions): Promise<ReadonlyMap<string, number>>;

  close(): Promise<void>;
}

export type RuntimeErrorReason =
  | 'Unavailable'
  | 'NotFound'
  | 'ImageMissing'
  | 'ImagePullFailed'
  | 'ImageInUse'
  | 'InvalidSpec'
  | 'StartFailed'
  | 'AddressInUse'
  /** What is there does not allow it now. */
  | 'Conflict'
  | 'Unsupported';

/** Thrown by every runtime call; `reason` says whether trying again can help. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly reason: RuntimeErrorReason;
  /** The container it is about, where it is about one. */
  readonly container: string | undefined;

  constructor(
    reason: RuntimeErrorReason,
    message: string,
    options?: ErrorOptions & { readonly container?: string },
  ) {
    super(message, options);
    this.reason = reason;
    this.container = options?.container;
  }
}
