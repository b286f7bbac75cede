/** Who would have to go from a node, as far as amounts alone decide. */
import { nodeAffinity } from '../constraints/node-affinity.ts';
import { nodeSelector } from '../constraints/node-selector.ts';
import { dislikeOf } from '../engine/evaluate.ts';
import type { Amount, NodeRecord, NodeTraits, PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { refused } from '../engine/verdict.ts';
import { type Occupant, type PreemptionOptions, reprieveOf } from './occupant.ts';
import { type Victims, victimsFrom } from './rank.ts';

/** What may be taken from a node. */
export interface Removable {
  readonly candidates: readonly Occupant[];
  /** Those that go anyhow. */
  readonly leaving: readonly Occupant[];
}

export function removableFrom(
  snapshot: Snapshot,
  node: string,
  { priority, occupantOf }: PreemptionOptions,
): Removable {
  const candidates: Occupant[] = [];
  const leaving: Occupant[] = [];
  for (const uid of snapshot.placedOn(node)) {
    const occupant = occupantOf(uid);
    if (occupant === undefined || occupant.state === 'stays') continue;
    if (occupant.state === 'leaving') leaving.push(occupant);
    else if (occupant.priority < priority) candidates.push(occupant);
  }
  return { candidates, leaving };
}

/** One answer for each node where it could work, in the order of nodes' names. */
export function estimates(
  snapshot: Snapshot,
  request: PlacementRequest,
  options: PreemptionOptions,
): readonly Victims[] {
  const found: Victims[] = [];
  const refuses = rulesOf(request);
  for (const index of snapshot.order.indices()) {
    const record = snapshot.recordAt(index);
    if (record === undefined || refuses(record)) continue;
    const estimate = estimateOn(snapshot, request, index, options);
    if (estimate !== undefined) found.push(estimate);
  }
  return found;
}

/** Of a node that no rule keeps the request away from. */
export function estimateOn(
  snapshot: Snapshot,
  request: PlacementRequest,
  index: number,
  options: PreemptionOptions,
): Victims | undefined {
  const { name = '' } = snapshot.recordAt(index) ?? {};
  const removable = removableFrom(snapshot, name, options);
  if (removable.candidates.length + removable.leaving.length === 0) return undefined;
  const spare = spareWithout(snapshot, request, index, removable);
  if (spare === undefined) return undefined;
  return byAmounts(snapshot, request, name, { removable, spare, options });
}

/** Whether the node is gone, or a rule keeps the request away from it that nobody's going would change. */
export function isRuledOut(snapshot: Snapshot, request: PlacementRequest, node: string): boolean {
  const record = snapshot.recordAt(snapshot.indexOf(node) ?? -1);
  return record === undefined || rulesOf(request)(record);
}

/** Rules that nobody's going would change. */
export function rulesOf(request: PlacementRequest): (record: NodeRecord) => boolean {
  const known = new WeakMap<NodeTraits, boolean>();
  const rules = [nodeSelector, nodeAffinity].filter((rule) => rule.applies(request));
  return ({ name, labels, traits }) => {
    const byTraits = known.get(traits) ?? dislikeOf(request, traits) === refused;
    known.set(traits, byTraits);
    if (byTraits) return true;
    return rules.some((rule) => rule.refuse(request, { name, labels, ownerCount: 0 }));
  };
}

/** What would be left of each amount asked for, were the request there and all that may go gone; undefined: too little. */
function spareWithout(
  snapshot: Snapshot,
  { amounts }: PlacementRequest,
  index: number,
  { candidates, leaving }: Removable,
): number[] | undefined {
  const spare = amounts.map(({ resource, amount }) => {
    return (snapshot.columns.get(resource)?.freeAt(index) ?? 0) - amount;
  });
  for (const { uid } of candidates) addTaken(snapshot, uid, amounts, spare);
  for (const { uid } of leaving) addTaken(snapshot, uid, amounts, spare);
  return spare.some((left) => left < 0) ? undefined : spare;
}

interface OnNode {
  readonly removable: Removable;
  /** Is taken from. */
  readonly spare: number[];
  readonly options: PreemptionOptions;
}

function byAmounts(
  snapshot: Snapshot,
  { amounts }: PlacementRequest,
  node: string,
  { removable, spare, options }: OnNode,
): Victims {
  const reprieve = reprieveOf(removable.candidates, options);
  const victims: Occupant[] = [];
  for (const candidate of reprieve.order) {
    const share = amounts.map(() => 0);
    addTaken(snapshot, candidate.uid, amounts, share);
    if (share.some((amount, k) => amount > (spare[k] ?? 0))) victims.push(candidate);
    else for (const [k, amount] of share.entries()) spare[k] = (spare[k] ?? 0) - amount;
  }
  return victimsFrom(node, victims, reprieve);
}

/** Adds what an instance takes of each of these resources. */
function addTaken(
  snapshot: Snapshot,
  uid: string,
  amounts: readonly Amount[],
  sums: number[],
): void {
  const taken = snapshot.placementOf(uid)?.footprint.amounts ?? [];
  for (let k = 0; k < amounts.length; k += 1) {
    const { resource } = amounts[k] ?? {};
    for (const each of taken)
      if (each.resource === resource) sums[k] = (sums[k] ?? 0) + each.amount;
  }
}
