/** What an instance shall be: its containers, what they are given, and what they may take. */
import type { CniRequest } from './cni/cni.ts';
import type {
  DnsSpec,
  InstanceId,
  InstanceNetwork,
  IoLimits,
  ResourceLimits,
} from './instance-parts.ts';
import type { MachineSpec } from './machine.ts';

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
  /** Its place on the PCI bus, by which a machine gets it: `0000:3b:00.0`. */
  readonly address?: string;
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
