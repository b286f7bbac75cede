/** What Eru's strategies give, written after their definitions and apart from Berth's: one instance at a time. */
import type { RowNode } from './strategies.ts';

export interface StrategyCase {
  readonly strategy: 'AUTO' | 'FILL' | 'EACH' | 'GLOBAL' | 'DRAINED';
  readonly nodes: readonly RowNode[];
  readonly need: number;
  readonly limit: number;
  readonly total: number;
}

/** By node, or Eru's words for why there is none. */
export function eruDistribution(given: StrategyCase): readonly number[] | string {
  const { strategy, nodes, need, limit, total } = given;
  if (strategy === 'EACH') return onEach(nodes, need, limit);
  if (strategy === 'FILL') return raised(nodes, need, limit);
  if (total < need) return `need: ${need}, available: ${total}: not enough resource`;
  const replicas = nodes.map(() => 0);
  for (let left = need; left > 0; left -= 1) {
    const able = nodes
      .map((node, at) => ({ ...node, at, more: replicas[at] ?? 0 }))
      .filter(({ Capacity, more }) => more < Capacity)
      .filter(({ Count, more }) => strategy !== 'AUTO' || limit <= 0 || Count + more < limit);
    const rank = ({ Capacity, Count, Usage, Rate, more }: (typeof able)[number]) => {
      if (strategy === 'AUTO') return [Count + more, more - Capacity];
      if (strategy === 'GLOBAL') return [Math.round((Usage + Rate * (more + 1)) * 1e6), 0];
      return [Capacity, -Usage];
    };
    const [chosen] = able.sort((a, b) => compare(rank(a), rank(b)) || a.more - b.more);
    if (chosen === undefined)
      return `reached nodelimit, a node can host at most ${limit} instances`;
    replicas[chosen.at] = chosen.more + 1;
  }
  return replicas;
}

function onEach(nodes: readonly RowNode[], need: number, limit: number) {
  const many = limit === 0 ? nodes.length : limit;
  if (nodes.length < many) return `node len ${nodes.length} < limit, cannot alloc`;
  const roomiest = places(nodes, (a, b) => b.Capacity - a.Capacity);
  const able = roomiest.filter(({ Capacity }) => Capacity >= need);
  if (able.length === 0) return 'insufficient nodes, at least 1 needed';
  if (able.length < many) return `not enough nodes with capacity of ${need}, require ${many} nodes`;
  const chosen = able.slice(0, many).map(({ at }) => at);
  return nodes.map((_, at) => (chosen.includes(at) ? need : 0));
}

function raised(nodes: readonly RowNode[], need: number, limit: number) {
  const many = limit === 0 ? nodes.length : limit;
  const able = places(nodes, (a, b) => b.Count - a.Count || b.Capacity - a.Capacity).filter(
    ({ Count, Capacity }) => Count + Capacity >= need,
  );
  if (able.length < many || many === 0) return `not enough nodes that can fill up to ${need}`;
  const chosen = able.slice(0, many).map(({ at }) => at);
  const more = nodes.map(({ Count }, at) => (chosen.includes(at) ? Math.max(0, need - Count) : 0));
  return more.some(Boolean)
    ? more
    : 'Cannot alloc a fill node plan, each node has enough workloads';
}

function places(nodes: readonly RowNode[], order: (a: RowNode, b: RowNode) => number) {
  return nodes.map((node, at) => ({ ...node, at })).sort((a, b) => order(a, b) || a.at - b.at);
}

function compare(a: readonly number[], b: readonly number[]): number {
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0);
}
