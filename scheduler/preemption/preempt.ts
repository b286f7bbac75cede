/** Chooses the node where the least harm makes room for a request that fits nowhere. */
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { estimates } from './estimate.ts';
import type { PreemptionOptions } from './occupant.ts';
import { compareVictims, type Victims } from './rank.ts';
import { type Preemption, victimsOn } from './victims.ts';

/** Nodes that are looked at by the whole engine, as many as Kubernetes looks at in a small cluster. */
const nodesMax = 100;

/**
 * Undefined when no node would do. There are no victims where those that are leaving anyhow make enough room. The
 * snapshot is as before. `estimated`: as a `VictimIndex` keeps them.
 */
export function preempt(
  snapshot: Snapshot,
  request: PlacementRequest,
  options: PreemptionOptions,
  estimated: readonly Victims[] = estimates(snapshot, request, options),
): Preemption | undefined {
  let best: Preemption | undefined;
  for (const estimate of bestFirst(estimated, nodesMax)) {
    if (best !== undefined && compareVictims(best, estimate) <= 0) return best;
    const answer = victimsOn(snapshot, request, estimate.node, options);
    if (answer === undefined) continue;
    if (best === undefined || compareVictims(answer, best) < 0) best = answer;
    // All others come after this one, and an answer is never better than its estimate.
    if (compareVictims(best, estimate) <= 0) return best;
  }
  return best;
}

/** Only the best are put in order: there may be many thousands. */
function bestFirst(estimated: readonly Victims[], most: number): readonly Victims[] {
  const best: Victims[] = [];
  for (const each of estimated) {
    const last = best.length < most ? undefined : best.at(-1);
    if (last !== undefined && compareVictims(each, last) >= 0) continue;
    let at = best.length;
    for (; at > 0; at -= 1) {
      const before = best[at - 1];
      if (before === undefined || compareVictims(before, each) <= 0) break;
    }
    best.splice(at, 0, each);
    if (best.length > most) best.pop();
  }
  return best;
}
