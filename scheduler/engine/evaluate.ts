/** What one node costs for one class of requests: the engine's inner loop. */
import { domainConstraints, nodeConstraints, traitConstraints } from '../constraints/built-in.ts';
import type { DomainRule, TraitsAsker } from '../constraints/constraint.ts';
import { count, partOf, partUnit } from '../dimensions/scalar.ts';
import { maxCost, type Strategy } from '../strategies/strategy.ts';
import type { Rows } from './columns.ts';
import type { Peers } from './peers/peers.ts';
import type { NodeTraits, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

/** The cost of placing there; Infinity where it cannot be placed. */
export type CostOf = (index: number) => number;

/**
 * Cheapest questions first: traits (answered once per set), scalars (columns), the node's own labels and counts, and
 * devices last. True until the snapshot's layout changes.
 */
export function costFunction(
  snapshot: Snapshot,
  request: PlacementRequest,
  strategy: Strategy,
): CostOf {
  const scalars = scalarColumns(snapshot, request);
  if (scalars === undefined) return () => refused;
  const dislikes = new WeakMap<NodeTraits, number>();
  const scorer = strategy.scorer?.(snapshot, request);
  const constraints = nodeConstraints.filter((constraint) => constraint.applies(request));
  const { asked, places, rows } = scalars;
  const { cells, limits, span } = rows;
  const width = asked.length;
  const view = { ownerCount: 0, fill: 0, room: 0 };
  // Neighbours are alike as a rule, and this is the inner loop: the last answer is kept at hand.
  let lastTraits: NodeTraits | undefined;
  let dislike: number | undefined;

  return (index) => {
    const record = snapshot.recordAt(index);
    if (record === undefined) return refused;
    if (dislike === undefined || record.traits !== lastTraits) {
      lastTraits = record.traits;
      dislike = dislikes.get(lastTraits) ?? dislikeOf(request, lastTraits);
      dislikes.set(lastTraits, dislike);
    }
    if (dislike === refused) return refused;
    let sum = 0;
    for (let k = 0; k < width; k += 1) {
      const at = 2 * index * span + (places[k] ?? 0);
      const amount = asked[k] ?? 0;
      if (amount > (cells[at] ?? 0)) return refused;
      const nominal = limits[at + span] ?? 0;
      sum += partOf(nominal, cells[at + span] ?? 0) + partOf(nominal, amount);
    }
    view.ownerCount = ownerCountAt(snapshot, request, index);
    let nodeDislike = dislike;
    if (constraints.length > 0) {
      const { name, labels } = record;
      const facts = { name, labels, ownerCount: view.ownerCount };
      for (const constraint of constraints) {
        if (constraint.refuse(request, facts) !== undefined) return refused;
        nodeDislike += constraint.dislike?.(request, facts) ?? 0;
      }
    }
    let parts = width;
    for (const { dimension, need } of request.parts) {
      const devices = snapshot.devicesAt(dimension, index);
      if (devices === undefined || !devices.fits(need)) return refused;
      const part = scorer === undefined ? devices.score(need) : undefined;
      if (part === undefined) continue;
      sum += part * partUnit;
      parts += 1;
    }
    if (scorer !== undefined) return nodeDislike * maxCost + scorer.cost(index);
    view.fill = parts === 0 ? 0 : sum / partUnit / parts;
    view.room = strategy.readsRoom ? roomAt(snapshot, request, index) : 0;
    return nodeDislike * maxCost + strategy.cost(view);
  };
}

/** What is to be asked about the other instances near a node: besides its cost, of which they are no part. */
export function domainRulesOf(peers: Peers, request: PlacementRequest): readonly DomainRule[] {
  if (request.peer === undefined && request.peerRules === undefined) return [];
  return domainConstraints.flatMap((constraint) => constraint.rulesOf(request, peers));
}

/** The cost with what the rules say about the node's domains. */
export function withRules(ownCost: CostOf, rules: readonly DomainRule[]): CostOf {
  if (rules.length === 0) return ownCost;
  return (index) => {
    let cost = ownCost(index);
    if (cost === refused) return refused;
    for (const rule of rules) cost += maxCost * rule.dislike(rule.topology.domainOf(index));
    return cost;
  };
}

interface ScalarColumns {
  readonly rows: Rows;
  /** By amount asked for: its place in each block of a row. */
  readonly places: Int32Array;
  readonly asked: Float64Array;
}

/** Undefined when a resource is asked for that no node has ever had. */
function scalarColumns(
  { columns }: Snapshot,
  request: PlacementRequest,
): ScalarColumns | undefined {
  const places: number[] = [];
  for (const { resource } of request.amounts) {
    const column = columns.get(resource);
    if (column === undefined) return undefined;
    places.push(column.place);
  }
  const asked = Float64Array.from(request.amounts, ({ amount }) => amount);
  return { rows: columns.rows, places: Int32Array.from(places), asked };
}

/** By soft rules about traits; `refused` by a hard one. */
export function dislikeOf(request: TraitsAsker, traits: NodeTraits): number {
  let dislike = 0;
  for (const constraint of traitConstraints) {
    if (constraint.refuse(request, traits) !== undefined) return refused;
    dislike += constraint.dislike?.(request, traits) ?? 0;
  }
  return dislike;
}

/** How many instances of the request's owner the node has. */
export function ownerCountAt(snapshot: Snapshot, request: PlacementRequest, index: number): number {
  if (request.owner === undefined) return 0;
  return snapshot.ownerCounts(request.owner)?.get(index) ?? 0;
}

/** How many more instances like this the node has room for, by amounts and devices alone. */
export function roomAt(snapshot: Snapshot, request: PlacementRequest, index: number): number {
  let room = Number.POSITIVE_INFINITY;
  for (const { resource, amount } of request.amounts) {
    const column = snapshot.columns.get(resource);
    const more = count(column?.capacityAt(index) ?? 0, column?.usedAt(index) ?? 0, amount);
    room = Math.min(room, more);
  }
  for (const { dimension, need } of request.parts) {
    room = Math.min(room, snapshot.devicesAt(dimension, index)?.count(need) ?? 0);
  }
  return room;
}
