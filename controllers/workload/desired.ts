/** What a workload's spec asks for, with defaults and percentages worked out. */
import { desiredCount, eligibleNodes, isByNode, type NodeView } from '../../api/desired-count.ts';
import type { Workload } from '../../api/kinds.gen.ts';

export interface Desired {
  readonly count: number;
  /** Names of the nodes that have, or should have, instances; absent when that does not matter. */
  readonly eligible?: ReadonlySet<string>;
  readonly stable: boolean;
  readonly running: boolean;
  readonly paused: boolean;
  readonly minReadySeconds: number;
  /** Instances above `count` during an update; 0 when Stable, or counted by node. */
  readonly maxSurge: number;
  /** Instances that may be missing during an update. */
  readonly maxUnavailable: number;
}

const defaultShare = '25%';

export function desiredOf({ spec }: Workload, view: NodeView): Desired {
  const count = desiredCount(spec, view);
  const byNode = isByNode(spec);
  const all = byNode && spec.placement?.nodes === undefined;
  const stable = spec.identity === 'Stable';
  // Where nodes are full of them, the old must go before the new can come.
  const maxSurge = stable || byNode ? 0 : share(spec.update?.maxSurge, count, Math.ceil);
  const unavailable = share(spec.update?.maxUnavailable, count, Math.floor);
  return {
    count,
    ...(all ? { eligible: eligibleNodes(spec, view) } : {}),
    stable,
    running: spec.running !== false,
    paused: spec.paused === true,
    minReadySeconds: spec.minReadySeconds ?? 0,
    maxSurge,
    // With neither, no instance could ever be replaced.
    maxUnavailable: Math.min(count, maxSurge === 0 ? Math.max(unavailable, 1) : unavailable),
  };
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
