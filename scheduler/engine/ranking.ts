/** The nodes that could take a request, compared: for answers to people, who ask seldom. */
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

export interface Ranking {
  /** The best, as many as were asked for: the first is where the engine places the request. */
  readonly best: readonly Ranked[];
  /** How many could take it. */
  readonly count: number;
  /** The node that was asked about, and its place among all; undefined where it could not take it. */
  readonly own: (Ranked & { readonly rank: number }) | undefined;
}

/** Nodes that are looked at in one part. */
const partSize = 256;

/** With pauses: of each node counts how it was when it was looked at. */
export function* ranking(
  snapshot: Snapshot,
  request: PlacementRequest,
  strategy: Strategy,
  { most, about }: { readonly most: number; readonly about: string | undefined },
): Generator<undefined, Ranking> {
  const costOfNow = () => {
    const rules = domainRulesOf(snapshot.peers, request);
    return withRules(costFunction(snapshot, request, strategy), rules);
  };
  let costOf = costOfNow();
  const rankedAt = (index: number, cost: number): Ranked | undefined => {
    const record = snapshot.recordAt(index);
    if (record === undefined || cost === refused) return undefined;
    const instances = ownerCountAt(snapshot, request, index);
    return { node: record.name, cost, instances, used: usedAfter(snapshot, request, index) };
  };
  const ownIndex = about === undefined ? undefined : snapshot.indexOf(about);
  const own = ownIndex === undefined ? undefined : rankedAt(ownIndex, costOf(ownIndex));
  const best: Ranked[] = [];
  let count = 0;
  let before = 0;
  let isPassed = false;
  for (const [i, index] of snapshot.order.indices().slice().entries()) {
    if (i % partSize === partSize - 1) {
      yield;
      costOf = costOfNow();
    }
    const cost = costOf(index);
    if (cost === refused) continue;
    count += 1;
    isPassed ||= index === ownIndex;
    // Equals stay in the order of nodes.
    if (own !== undefined && (isPassed ? cost < own.cost : cost <= own.cost)) before += 1;
    const last = best.length < most ? undefined : best.at(-1);
    const ranked = last === undefined || cost < last.cost ? rankedAt(index, cost) : undefined;
    if (ranked !== undefined) insert(best, ranked, most);
  }
  return { best, count, own: own && { ...own, rank: before + 1 } };
}

function insert(best: Ranked[], ranked: Ranked, most: number): void {
  let at = best.length;
  while (at > 0 && (best[at - 1]?.cost ?? 0) > ranked.cost) at -= 1;
  best.splice(at, 0, ranked);
  if (best.length > most) best.pop();
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
