/** Two samples of usage → what is told about them. Pure. */
import { formatTime } from '../../api/conditions.ts';
import type { ContainerStats, CpuStats, StatsSummary } from '../../api/stats-summary.ts';
import type { InstanceUsage } from '../../runtime/usage.ts';
import type { NodeUsage } from './node-usage.ts';

/** All that was in use at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly node: NodeUsage;
  readonly instances: readonly InstanceUsage[];
}

/** `before` is what CPU is measured against; what is not in it, or started anew since, has no rate. */
export function summaryOf(
  nodeName: string,
  before: Sample | undefined,
  after: Sample,
): StatsSummary {
  const time = formatTime(after.atMs);
  const earlier = new Map<string, bigint>();
  for (const { containers } of before?.instances ?? [])
    for (const { containerId, cpuNanos } of containers) earlier.set(containerId, cpuNanos);
  const windowMs = after.atMs - (before?.atMs ?? after.atMs);
  const cpu = (now: bigint, then: bigint | undefined): CpuStats => ({
    time,
    usageCoreNanoSeconds: Number(now),
    ...(then === undefined || windowMs <= 0 || now < then
      ? {}
      : {
          usageNanoCores: Math.round((Number(now - then) / windowMs) * 1000),
          windowSeconds: windowMs / 1000,
        }),
  });
  const { node } = after;
  return {
    node: {
      nodeName,
      cpu: cpu(node.cpuNanos, before?.node.cpuNanos),
      memory: {
        time,
        workingSetBytes: Number(node.workingSetBytes),
        availableBytes: Number(node.availableBytes),
      },
    },
    pods: after.instances.map(({ id, namespace, name, containers }) => ({
      podRef: { name, namespace, uid: id },
      containers: containers.map(
        (each): ContainerStats => ({
          name: each.name,
          cpu: cpu(each.cpuNanos, earlier.get(each.containerId)),
          memory: { time, workingSetBytes: Number(each.workingSetBytes) },
        }),
      ),
    })),
  };
}
