import type { Readable, Writable } from 'node:stream';
import type { Observable } from 'rxjs';
import type { PodSpec, VMSpec } from '../api/kinds.gen.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Adopter } from './adoptions.ts';
import type { CniAttachment } from './cni/cni.ts';
import type { ImageStore } from './image-store.ts';
import type { InstanceId, RuntimeName } from './instance-parts.ts';
import type { CpuChoice, DeviceLimits, InstanceSpec } from './instance-spec.ts';
import type { InstanceStatus } from './instance-status.ts';
import type { MachineControl } from './machine.ts';
import type { InstanceUsage } from './usage.ts';

export type {
  DnsSpec,
  InstanceId,
  InstanceNetwork,
  IoLimits,
  ResourceLimits,
  RuntimeName,
} from './instance-parts.ts';
export type {
  ContainerSpec,
  CpuChoice,
  DeviceLimits,
  DeviceSpec,
  GpuDevice,
  HostAlias,
  InstanceSpec,
  MountSpec,
  PortSpec,
} from './instance-spec.ts';
export type {
  ContainerState,
  ContainerStatus,
  InstanceStatus,
} from './instance-status.ts';

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
 * container apart, a host name of an instance's own, kernel parameters of its own (`sysctls`), filters
 * of system calls of one's own (`seccomp`), containers at all (only machines), images that are brought
 * and kept by it, taking over what runs already.
 */
export type RuntimeGap =
  | 'tty'
  | 'stdin'
  | 'streams'
  | 'hostname'
  | 'sysctls'
  | 'seccomp'
  | 'containers'
  | 'images'
  | 'adoption';

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

  /**
   * Halts all that runs of an instance where it is, or lets it go on; resolves also when nothing runs.
   * What is halted can be stopped and removed, and is asked to end as any other; `exec` is `Conflict`.
   */
  setPaused(id: InstanceId, paused: boolean, options: CallOptions): Promise<void>;

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
