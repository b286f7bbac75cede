/** What instances use, as their kernel counts it. */
import type { InstanceId } from './instance-parts.ts';

export interface ContainerUsage {
  readonly name: string;
  readonly containerId: string;
  /** CPU time since the container started; never goes back while it lives. */
  readonly cpuNanos: bigint;
  /** What cannot be given up under pressure: memory in use without the inactive page cache. */
  readonly workingSetBytes: bigint;
}

/** The running containers of one instance. */
export interface InstanceUsage {
  readonly id: InstanceId;
  readonly namespace: string;
  readonly name: string;
  readonly containers: readonly ContainerUsage[];
}
