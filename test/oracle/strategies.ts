/**
 * Judges distributions against recorded cases of Eru. DRAINED is judged by the order that was meant (smallest room
 * first, then most used), because Eru's comparison is no order and passes over smaller nodes.
 */
import {
  type Distribution,
  type DistributionStrategy,
  distribute,
  type RefusedReason,
} from '../../scheduler/strategies/distribute.ts';

export interface RowNode {
  readonly Nodename: string;
  readonly Capacity: number;
  readonly Count: number;
  readonly Usage: number;
  readonly Rate: number;
}

export interface StrategyRow {
  readonly strategy: string;
  readonly nodes: readonly RowNode[];
  readonly need: number;
  readonly limit: number;
  readonly total?: number;
  readonly deploy?: Readonly<Record<string, number>>;
  readonly final_sorted?: readonly number[];
  readonly error?: string;
}

const names: Readonly<Record<string, DistributionStrategy>> = {
  AUTO: 'Spread',
  FILL: 'Fill',
  EACH: 'Each',
  GLOBAL: 'Global',
  DRAINED: 'Drained',
};

/** Eru's words for each of our reasons. */
const words: Readonly<Record<RefusedReason, RegExp>> = {
  InsufficientCapacity: /^need: /,
  InsufficientNodes: /not enough nodes|insufficient nodes|< limit/,
  NodeLimit: /reached nodelimit/,
  AlreadyFilled: /has enough workloads/,
  InvalidNeed: /./,
};

/** What is wrong with our answer to a row; empty when it is right. */
export function judgeStrategy(row: StrategyRow): readonly string[] {
  const strategy = names[row.strategy.toUpperCase()];
  if (strategy === undefined) return [`unknown strategy ${row.strategy}`];
  const candidates = row.nodes.map(({ Capacity, Count, Usage, Rate }) => ({
    capacity: Capacity,
    count: Count,
    usage: Usage,
    rate: Rate,
  }));
  const { need, limit, total } = row;
  const given = distribute(strategy, candidates, {
    need,
    limit,
    ...(total === undefined ? {} : { total }),
  });
  // Whatever Eru makes of such a need: nothing may be placed.
  if (need < 1) return given.type === 'refused' || !given.replicas.some(Boolean) ? [] : ['placed'];
  if (given.type === 'refused') return faultsOfRefusal(given.reason, row);
  if (row.error !== undefined) return [`distributed, Eru says ${row.error}`];
  return faultsOfReplicas(row, strategy, given);
}

function faultsOfRefusal(
  reason: RefusedReason,
  { error, need, total = 0 }: StrategyRow,
): readonly string[] {
  if (error === undefined) return [`refused (${reason}), Eru distributes`];
  // Eru believes a total that is too high, until it runs out of nodes.
  const isMisled = reason === 'InsufficientCapacity' && total >= need;
  const ours = isMisled ? words.NodeLimit : words[reason];
  const { InvalidNeed: _, ...known } = words;
  const isOther = Object.values(known).some((each) => each.test(error));
  return ours.test(error) || !isOther ? [] : [`refused (${reason}), Eru says ${error}`];
}

function faultsOfReplicas(
  row: StrategyRow,
  strategy: DistributionStrategy,
  { replicas }: Distribution & { readonly type: 'distributed' },
): readonly string[] {
  const expected = strategy === 'Drained' ? drainedAsMeant(row) : deployed(row);
  if (expected !== undefined && replicas.join() !== expected.join()) {
    if (differsByTies(row, strategy, replicas, expected)) return [];
    return [`replicas ${replicas.join()}, expected ${expected.join()}`];
  }
  const finals = row.nodes.map(({ Count }, i) => Count + (replicas[i] ?? 0)).sort((a, b) => a - b);
  if (strategy === 'Drained' || !row.final_sorted || finals.join() === row.final_sorted.join()) {
    return [];
  }
  return [`in the end ${finals.join()}, Eru ${row.final_sorted.join()}`];
}

/** What Eru gave to each node; undefined where only the end of it was recorded. */
function deployed({ nodes, deploy }: StrategyRow): readonly number[] | undefined {
  return deploy && nodes.map(({ Nodename }) => deploy[Nodename] ?? 0);
}

/** Whether the two differ only in which of several equal nodes got more: Eru leaves that to its heap. */
function differsByTies(
  { nodes }: StrategyRow,
  strategy: DistributionStrategy,
  ours: readonly number[],
  theirs: readonly number[],
): boolean {
  const ranks = (replicas: readonly number[]) =>
    nodes
      .flatMap((node, i) => ranksOf(strategy, node, replicas[i] ?? 0))
      .sort()
      .join();
  return ranks(ours) === ranks(theirs);
}

/**
 * What a node was chosen by, for each instance where they are placed one by one. However equals are told apart, the
 * same ranks are chosen.
 */
function ranksOf(
  strategy: DistributionStrategy,
  node: RowNode,
  replicas: number,
): readonly string[] {
  const { Capacity, Count, Usage, Rate } = node;
  if (strategy === 'Drained') return [`${Capacity} ${Usage} ${replicas}`];
  if (strategy === 'Each') return [`${Capacity} ${replicas}`];
  if (strategy === 'Fill') return [`${Count} ${Capacity} ${replicas}`];
  return Array.from({ length: replicas }, (_, i) =>
    strategy === 'Spread' ? `${Count + i} ${Capacity - i}` : (Usage + (i + 1) * Rate).toFixed(9),
  );
}

/** One after the other, to the node that has the least room and still some. */
function drainedAsMeant({ nodes, need }: StrategyRow): readonly number[] {
  const replicas = nodes.map(() => 0);
  for (let left = need; left > 0; left -= 1) {
    let chosen: number | undefined;
    for (const [i, node] of nodes.entries()) {
      if (node.Capacity <= (replicas[i] ?? 0)) continue;
      const before = chosen === undefined ? undefined : nodes[chosen];
      const isSmaller = before !== undefined && node.Capacity < before.Capacity;
      const isBusier = node.Capacity === before?.Capacity && node.Usage > before.Usage;
      if (before === undefined || isSmaller || isBusier) chosen = i;
    }
    if (chosen === undefined) return [];
    replicas[chosen] = (replicas[chosen] ?? 0) + 1;
  }
  return replicas;
}
