/** What an agent answers to `GET /stats/summary`. Source: kubelet's stats API, v1alpha1; only what we fill. */

export interface CpuStats {
  /** RFC 3339, of the sample. */
  readonly time: string;
  /** Over the window; absent when there is no earlier sample yet. */
  readonly usageNanoCores?: number;
  readonly usageCoreNanoSeconds: number;
  /** Ours: over how long `usageNanoCores` was measured. */
  readonly windowSeconds?: number;
}

export interface MemoryStats {
  readonly time: string;
  readonly workingSetBytes: number;
  /** Of the machine; absent for containers. */
  readonly availableBytes?: number;
}

export interface ContainerStats {
  readonly name: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
}

export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly containers: readonly ContainerStats[];
}

export interface StatsSummary {
  readonly node: {
    readonly nodeName: string;
    readonly cpu: CpuStats;
    readonly memory: MemoryStats;
  };
  readonly pods: readonly PodStats[];
}
