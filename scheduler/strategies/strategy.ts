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

/** What a scorer reads of a node, for scorers that read little: nodes that have the same are weighed once. */
export interface NodeStates {
  /** Equal for nodes in the same state. */
  keyAt(index: number): string;
  /** As the node is now; stays true when it has changed. */
  at(index: number): NodeState;
}

/** What else is in it knows only who made it. */
export interface NodeState {
  readonly key: string;
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
  /** Whether all nodes cost the same. */
  readonly isLevel?: boolean;
  /** Where costs depend on nothing but a node's state; the same for all requests of the strategy. */
  readonly states?: NodeStates;
  /** Where there are states: equal for requests that any state costs the same. */
  readonly order?: string;
  /** Of all nodes in that state: as `cost`, and Infinity where the devices asked for do not fit. */
  costOf?(state: NodeState): number;
  /** The piece an instance would get of a dimension; undefined: what the dimension itself chooses. */
  allocate?(dimension: string, index: number): JsonValue | undefined;
}

/** Dislikes (soft taints) weigh more than any cost. */
export const maxCost = 2 ** 20;
