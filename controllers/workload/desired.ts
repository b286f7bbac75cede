/** What a workload's spec asks for, with defaults and percentages worked out. */
import type { Node, Workload, WorkloadSpec } from '../../api/kinds.gen.ts';

export interface Desired {
  readonly count: number;
  readonly stable: boolean;
  readonly running: boolean;
  readonly paused: boolean;
  readonly minReadySeconds: number;
  /** Instances above `count` during an update; 0 when Stable. */
  readonly maxSurge: number;
  /** Instances that may be missing during an update. */
  readonly maxUnavailable: number;
}

const defaultShare = '25%';

export function desiredOf({ spec }: Workload, nodes: readonly Node[]): Desired {
  const count = desiredCount(spec, nodes);
  const stable = spec.identity === 'Stable';
  const maxSurge = stable ? 0 : share(spec.update?.maxSurge, count, Math.ceil);
  const unavailable = share(spec.update?.maxUnavailable, count, Math.floor);
  return {
    count,
    stable,
    running: spec.running !== false,
    paused: spec.paused === true,
    minReadySeconds: spec.minReadySeconds ?? 0,
    maxSurge,
    // With neither, no instance could ever be replaced.
    maxUnavailable: Math.min(count, maxSurge === 0 ? Math.max(unavailable, 1) : unavailable),
  };
}

/** Each and Fill count per node: on `nodes` of them, or on all that the node selector names. */
function desiredCount(spec: WorkloadSpec, nodes: readonly Node[]): number {
  const { strategy, perNode, nodes: limit } = spec.placement ?? {};
  const counts = strategy === 'Each' || strategy === 'Fill';
  if (!counts || (perNode === undefined && limit === undefined)) return spec.replicas ?? 1;
  return (perNode ?? 1) * (limit ?? selectedNodes(spec, nodes));
}

function selectedNodes({ template }: WorkloadSpec, nodes: readonly Node[]): number {
  const wanted = Object.entries(template.spec.nodeSelector ?? {});
  return nodes.filter(({ metadata }) =>
    wanted.every(([label, value]) => metadata.labels?.[label] === value),
  ).length;
}

function share(
  value: number | string | undefined,
  count: number,
  round: (n: number) => number,
): number {
  const given = value ?? defaultShare;
  if (typeof given === 'number') return Math.max(given, 0);
  const percent = Number.parseInt(given, 10);
  return Number.isNaN(percent) ? 0 : Math.max(round((percent * count) / 100), 0);
}
