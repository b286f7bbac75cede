/** Chooses the node where the least harm makes room for a request that fits nowhere. */
import { atOnce } from '../../lib/turns.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { estimates } from './estimate.ts';
import type { PreemptionOptions } from './occupant.ts';
import { compareVictims, type Victims } from './rank.ts';
import { type Preemption, victimsOn } from './victims.ts';

/** Nodes that are looked at by the whole engine, as many as Kubernetes looks at in a small cluster. */
const nodesMax = 100;

/** What the whole engine said of a node, for one class of requests. */
interface Try {
  readonly answer: Preemption | undefined;
  /** Where the log stood; it is as good as new while the node has not changed since. */
  readonly position: number;
}

/** By node. */
export type Tries = Map<string, Try>;

/** What is known before the whole engine is asked. */
export interface Known {
  /** The least harm first, as a `VictimIndex` tells them; the same each time. */
  readonly estimated: Iterable<Victims>;
  /** Is added to. */
  readonly tries: Tries;
}

/**
 * Undefined when no node would do. There are no victims where those that are leaving anyhow make enough room. The
 * snapshot is as before.
 */
export function preempt(
  snapshot: Snapshot,
  request: PlacementRequest,
  options: PreemptionOptions,
  known: Known = { estimated: sortedEstimates(snapshot, request, options), tries: new Map() },
): Preemption | undefined {
  const asked = new Set<string>();
  for (;;) {
    const best = atOnce(tryOut(snapshot, request, options, known));
    if (best === undefined || asked.has(best.node)) return best;
    // Rules about neighbours, and budgets, may say something else by now though the node has not changed.
    asked.add(best.node);
    known.tries.delete(best.node);
  }
}

/** As `preempt`, with a pause after each node that the whole engine looks at; what it found is in `tries`. */
export function* tryOut(
  snapshot: Snapshot,
  request: PlacementRequest,
  options: PreemptionOptions,
  { estimated, tries }: Known,
): Generator<undefined, Preemption | undefined> {
  let best: Preemption | undefined;
  let seen = 0;
  for (const estimate of estimated) {
    seen += 1;
    if (seen > nodesMax) return best;
    if (best !== undefined && compareVictims(best, estimate) <= 0) return best;
    const { node } = estimate;
    let known = tries.get(node);
    if (known === undefined || hasChanged(snapshot, node, known)) {
      const answer = victimsOn(snapshot, request, node, options);
      known = { answer, position: snapshot.log.position };
      tries.set(node, known);
      yield;
    }
    const { answer } = known;
    if (answer === undefined) continue;
    if (best === undefined || compareVictims(answer, best) < 0) best = answer;
    // All others come after this one, and an answer is never better than its estimate.
    if (compareVictims(best, estimate) <= 0) return best;
  }
  return best;
}

function hasChanged(snapshot: Snapshot, node: string, { position }: Try): boolean {
  const index = snapshot.indexOf(node);
  return index === undefined || snapshot.log.changedAt(index) >= position;
}

function sortedEstimates(...about: Parameters<typeof estimates>): readonly Victims[] {
  return estimates(...about).toSorted(compareVictims);
}
