/** Who has to go from one node, by the whole engine. */
import { allocationOn } from '../engine/allocation.ts';
import { obstaclesOn } from '../engine/explain.ts';
import type { Allocation, PlacementRequest } from '../engine/request.ts';
import type { Placed, Snapshot } from '../engine/snapshot.ts';
import { removableFrom } from './estimate.ts';
import { type Occupant, type PreemptionOptions, reprieveOf } from './occupant.ts';
import { type Victims, victimsFrom } from './rank.ts';

export interface Preemption extends Victims {
  /** The devices that the request would get once the victims are gone. */
  readonly allocation: Allocation;
}

/**
 * Undefined where the request would not fit even without everything that may go. Else each victim is needed: with
 * any one of them given back the request does not fit.
 */
export function victimsOn(
  snapshot: Snapshot,
  request: PlacementRequest,
  node: string,
  options: PreemptionOptions,
): Preemption | undefined {
  const { candidates, leaving } = removableFrom(snapshot, node, options);
  const away = new Map<string, Placed>();
  for (const { uid } of [...leaving, ...candidates]) {
    const placement = snapshot.placementOf(uid);
    if (placement === undefined) continue;
    away.set(uid, placement);
    snapshot.release(uid);
  }
  try {
    if (!fitsOn(snapshot, request, node)) return undefined;
    const giveBack = (uid: string) => {
      const placement = away.get(uid);
      if (placement === undefined) return false;
      snapshot.assume(placement.footprint, node, placement.allocation);
      if (fitsOn(snapshot, request, node)) return away.delete(uid);
      snapshot.release(uid);
      return false;
    };
    const reprieve = reprieveOf(candidates, options);
    const victims = leftOf(reprieve.order, giveBack);
    const allocation = allocationOn(snapshot, request, node);
    return { ...victimsFrom(node, victims, reprieve), allocation };
  } finally {
    for (const { footprint, allocation } of away.values()) {
      snapshot.assume(footprint, node, allocation);
    }
  }
}

/** Those that could not be given back. */
function leftOf(order: readonly Occupant[], giveBack: (uid: string) => boolean): Occupant[] {
  let left = [...order];
  // Once is enough where only amounts and devices count; with rules about neighbours one may help another to stay.
  for (let before = left.length + 1; left.length < before; ) {
    before = left.length;
    left = left.filter(({ uid }) => !giveBack(uid));
  }
  return left;
}

function fitsOn(snapshot: Snapshot, request: PlacementRequest, node: string): boolean {
  return obstaclesOn(snapshot, request, node)?.length === 0;
}
