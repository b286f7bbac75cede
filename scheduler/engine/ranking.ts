/** Every node that could take a request, best first: for answers to people, who ask seldom. */
import type { Strategy } from '../strategies/strategy.ts';
import { costFunction, domainRulesOf, ownerCountAt, withRules } from './evaluate.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

export interface Ranked {
  readonly node: string;
  /** As the strategy weighs it, with what soft rules dislike on top; the lowest is taken. */
  readonly cost: number;
  /** Instances of the same owner that it has. */
  readonly instances: number;
  /** The mean part in use after the placement of the amounts asked for: 0 to 1. */
  readonly used: number;
}

/** The first is where the engine places the request. */
export function ranking(
  snapshot: Snapshot,
  request: PlacementRequest,
  strategy: Strategy,
): readonly Ranked[] {
  const rules = domainRulesOf(snapshot.peers, request);
  const costOf = withRules(costFunction(snapshot, request, strategy), rules);
  const found: Ranked[] = [];
  for (const index of snapshot.order.indices()) {
    const record = snapshot.recordAt(index);
    const cost = record === undefined ? refused : costOf(index);
    if (record === undefined || cost === refused) continue;
    const instances = ownerCountAt(snapshot, request, index);
    found.push({ node: record.name, cost, instances, used: usedAfter(snapshot, request, index) });
  }
  // Stable: equals stay in the order of nodes.
  return found.sort((a, b) => a.cost - b.cost);
}

function usedAfter({ columns }: Snapshot, { amounts }: PlacementRequest, index: number): number {
  let sum = 0;
  for (const { resource, amount } of amounts) {
    const column = columns.get(resource);
    const capacity = column?.capacityAt(index) ?? 0;
    if (capacity > 0) sum += ((column?.usedAt(index) ?? 0) + amount) / capacity;
  }
  return amounts.length === 0 ? 0 : sum / amounts.length;
}
