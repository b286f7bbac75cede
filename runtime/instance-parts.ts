/** What instances, machines and networks are all described with. */

export type RuntimeName = 'docker' | 'systemd' | 'libvirt' | 'fake';

/** The uid of the object (Pod, VM) that an instance makes real. */
export type InstanceId = string;

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

/** Empty lists leave the machine's own in force. */
export interface DnsSpec {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  /** As in resolv.conf: `ndots:2`. */
  readonly options: readonly string[];
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
