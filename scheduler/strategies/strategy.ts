/** How the node is picked among those that fit. */
import type { JsonValue } from '../../api/meta.ts';
import type { PlacementRequest, StrategyName } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';

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
  /** Where `cost` is no more than this order, the engine need not look at every node. */
  readonly order?: FillOrder;
  /** For a strategy that looks into the devices: takes the place of `cost`; undefined where `cost` will do. */
  scorer?(snapshot: Snapshot, request: PlacementRequest): Scorer | undefined;
}

export interface FillOrder {
  readonly by: 'leastUsed' | 'mostUsed';
  /** Whether fewer instances of the same owner come before that. */
  readonly fewestOfOwner: boolean;
}

/** Weighs nodes for one class of requests. What it reads may change only with the node's entry in the log. */
export interface Scorer {
  /** As `Strategy.cost`; asked only where the request fits. */
  cost(index: number): number;
  /**
   * Equal for requests that every node costs the same, as far as they can be placed there; such costs are whole
   * multiples of `costStep`. Undefined: other requests' costs say nothing about this one's.
   */
  readonly order: string | undefined;
  /** The piece an instance would get of a dimension; undefined: what the dimension itself chooses. */
  allocate?(dimension: string, index: number): JsonValue | undefined;
}

/** Dislikes (soft taints) weigh more than any cost. */
export const maxCost = 2 ** 20;

/** So that costs which others are put in order by are whole numbers. */
export const costStep = 1 / 1024;
