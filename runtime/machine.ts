/** A virtual machine with everything resolved: files that are there, bridges, addresses. */
import type { Duplex } from 'node:stream';
import type { MachineAction, MachineState } from '../api/vm-states.ts';
import type { CallOptions } from '../lib/call.ts';
import type { CniAttachment } from './cni/cni.ts';
import type { InstanceId, InstanceNetwork, IoLimits, ResourceLimits } from './instance-parts.ts';

export interface MachineSpec {
  readonly cpus: number;
  /** Up to which CPUs can be added while it runs. @default cpus */
  readonly cpusMax?: number;
  readonly memoryBytes: bigint;
  /** Up to which memory can be added while it runs. @default memoryBytes */
  readonly memoryMaxBytes?: bigint;
  /** As libvirt names it, such as `Skylake-Server` or `host-passthrough`. @default the host's with KVM */
  readonly cpuModel?: string;
  readonly topology?: {
    readonly sockets: number;
    readonly cores: number;
    readonly threads: number;
  };
  /** Pages of that size, which the machine must have set aside. */
  readonly hugepageBytes?: bigint;
  readonly boot: Boot;
  readonly disks: readonly MachineDisk[];
  readonly interfaces: readonly MachineInterface[];
  /** A screen, reached by VNC. @default true */
  readonly graphics?: boolean;
}

export type Boot =
  | { readonly type: 'disk' }
  | {
      readonly type: 'kernel';
      readonly kernelPath: string;
      readonly initrdPath?: string;
      readonly commandLine: string;
    };

export interface MachineDisk {
  /** Its serial number inside: `/dev/disk/by-id/virtio-<name>`; at most 20 characters. */
  readonly name: string;
  readonly path: string;
  /** Of the machine, not a file. @default false */
  readonly isDevice?: boolean;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
  /** Somebody else's, of a machine that was adopted: used where it is, never attached anew. @default false */
  readonly isForeign?: boolean;
  /** How large it shall be at least; absent = as it is. */
  readonly sizeBytes?: bigint;
  readonly limits?: IoLimits;
}

export interface MachineInterface {
  readonly bridge: string;
  /** `02:00:0a:63:00:32`. */
  readonly mac: string;
  /** Known before it runs, from a reservation. */
  readonly ip?: string;
  /** Its address is one of a pool's; `bridge`, `mac` and `ip` are the same. */
  readonly network?: InstanceNetwork;
  /** Its network is one by CNI; `bridge`, `mac` and `ip` are the same. */
  readonly attachment?: CniAttachment;
}

/** What is found of a machine beside its container. */
export interface MachineStatus {
  readonly state: MachineState;
  /** What it has now, or was last defined with; absent where nobody can tell. */
  readonly size?: { readonly cpus: number; readonly memoryBytes: bigint };
  /** Why it is halted, although nobody asked for that. */
  readonly trouble?: string;
  /** Why it has no log. */
  readonly unlogged?: string;
}

/** How far a machine that runs has been brought to what is asked for. */
export interface MachineChanges {
  /** Fields of the VM that hold from its next start on. */
  readonly restart: readonly string[];
  /** What could not be done, each in a sentence; the rest was. */
  readonly failures: readonly string[];
  readonly changed: boolean;
  /** Whether an agent answers in the guest, and the addresses that it tells. */
  readonly agent: boolean;
  readonly addresses: readonly string[];
}

/** A state of the disks of a machine that can be gone back to; with its memory where it ran. */
export interface MachineSnapshot {
  readonly createdAtMs: number;
  readonly memory: boolean;
  /** The file systems of the guest were still while it was taken. */
  readonly frozen: boolean;
}

export interface Stillness {
  /** Whether a guest without an agent is halted. */
  readonly pause: boolean;
  readonly maxMs: number;
  /** Aborted, and the task with it, when `maxMs` are over. */
  readonly over: AbortController;
}

/**
 * `api/vm-states.ts` says what is done in which state. All throw `Conflict`, with the reason, where the
 * state of the machine does not allow it.
 */
export interface MachineControl {
  /**
   * CPUs, memory, disks, interfaces and limits, without a restart; `undefined` where it does not run.
   * `limits` are those of its container; absent = as they are.
   */
  adjust(
    id: InstanceId,
    wanted: { readonly machine: MachineSpec; readonly limits?: ResourceLimits },
    options: CallOptions,
  ): Promise<MachineChanges | undefined>;

  /**
   * Runs `task` while the guest writes nothing: held by its agent, with its file systems in order (`frozen`), else
   * halted where `pause` is asked for. Nothing else is done to the machine meanwhile.
   */
  still<T>(
    id: InstanceId,
    how: Stillness,
    options: CallOptions,
    task: (frozen: boolean, options: CallOptions) => Promise<T>,
  ): Promise<T>;

  /** Ends it with its memory on disk; the next `ensure` goes on from there, as the same attempt. */
  save(id: InstanceId, options: CallOptions): Promise<void>;

  act(id: InstanceId, action: MachineAction, options: CallOptions): Promise<void>;

  /** Answers what is there when it was taken before; `name` is unique for the machine. */
  snapshot(id: InstanceId, name: string, options: CallOptions): Promise<MachineSnapshot>;

  /** Goes back to it, as a new attempt; what ran then runs again. */
  restore(id: InstanceId, name: string, options: CallOptions): Promise<void>;

  /** Resolves also when it is gone. */
  removeSnapshot(id: InstanceId, name: string, options: CallOptions): Promise<void>;

  /** Paths of the disks that it has, or was last defined with; none where there is no machine. */
  disks(id: InstanceId, options: CallOptions): Promise<readonly string[]>;

  /** The bytes of its screen (RFB), as a viewer of VNC has them. */
  openScreen(id: InstanceId, options: CallOptions): Promise<Duplex>;

  /** Copies a disk into a file of its own, `path`, which must not be there; absent = the first one. */
  capture(
    id: InstanceId,
    what: { readonly disk?: string; readonly path: string },
    options: CallOptions,
  ): Promise<void>;
}
