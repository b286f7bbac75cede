/** How the node is picked among those that fit. */
import type { StrategyName } from '../engine/request.ts';

/** What a strategy may look at: one node, never two, so that a change on one node leaves the others' costs true. */
interface NodeView {
  /** Instances of the same owner that the node has. */
  readonly ownerCount: number;
  /** The mean part in use, after the placement, of the dimensions asked for: 0 to 1. */
  readonly fill: number;
  /** How many more such instances would fit; 0 unless the strategy reads it. */
  readonly room: number;
}

export interface Strategy {
  readonly name: StrategyName;
  readonly readsRoom: boolean;
  /** The cheapest node is taken, the first by name among equals. From 0 up to `maxCost`. */
  cost(node: NodeView): number;
}

/** Dislikes (soft taints) weigh more than any cost. */
export const maxCost = 1e9;
