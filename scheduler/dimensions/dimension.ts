/** A dimension: something nodes have so much of, and instances take some of. All are of the same rank. */
import type { JsonValue } from '../../api/meta.ts';
import type { Shortage } from '../engine/reasons.ts';
import type { NodeRecord } from '../engine/request.ts';
import type { VolumeNeed } from './storage/need.ts';

/** What anything that can be bound asks for, before the dimensions read it. */
export interface Claim {
  /** Quantities by resource name, one map per part that runs at the same time. */
  readonly together: readonly Quantities[];
  /** What runs together at each moment before that: only the largest moment counts. */
  readonly before: readonly (readonly Quantities[])[];
  readonly hostPorts: readonly HostPort[];
  /** Models of GPU that will do; none named: any. */
  readonly gpuModels?: readonly string[];
  /** What is asked of users' own dimensions, by name. */
  readonly custom?: Readonly<Record<string, JsonValue>>;
  /** Whether it has cores of its own; else it shares the node's processors. */
  readonly isCpuBound?: boolean;
  /** Volumes that are to be placed with it. */
  readonly volumes?: readonly VolumeNeed[];
}

export type Quantities = Readonly<Record<string, string | number>>;

export type HostPort = {
  readonly protocol: string;
  /** `0.0.0.0` = all addresses of the node. */
  readonly hostIP: string;
  readonly port: number;
};

export type Dimension = ScalarDimension | StructuredDimension;

/**
 * Sums: a column of numbers over all nodes. The engine compares the columns itself (`dimensions/scalar.ts` has the
 * arithmetic); the dimension only says how its quantities are read and told.
 */
export interface ScalarDimension {
  readonly type: 'scalar';
  readonly name: string;
  /** Whether this resource name is its own. */
  covers(resource: string): boolean;
  /** What every instance takes without asking, by resource. */
  readonly implied?: { readonly resource: string; readonly amount: number };
  /** In the smallest unit; a request is rounded up, a capacity down. Throws on what is no quantity. */
  parse(quantity: string | number, rounding: 'up' | 'down'): number;
  /** For people: `1.5`, `2Gi`; what cannot be told exactly is rounded down, or as `round` does. */
  format(amount: number, round?: (value: number) => number): string;
  /** `Insufficient cpu`. */
  reason(resource: string): string;
}

/**
 * Devices with an identity of their own. Needs and pieces are plain data: pieces are the allocation that is stored
 * with the binding, and give back exactly what was taken.
 */
export interface StructuredDimension<
  Need extends JsonValue = JsonValue,
  Piece extends JsonValue = JsonValue,
> {
  readonly type: 'structured';
  readonly name: string;
  /** Its part of a claim; undefined when nothing is asked. */
  parse(claim: Claim): Need | undefined;
  /** A piece as it was stored with a binding; undefined when it is none of this dimension's. */
  read(stored: JsonValue): Piece | undefined;
  /** An empty node's devices. */
  create(node: NodeRecord): Devices<Need, Piece>;
}

/** The devices of one node; asked only when all scalars fit. */
export interface Devices<Need extends JsonValue = JsonValue, Piece extends JsonValue = JsonValue> {
  fits(need: Need): boolean;
  /** How many more instances with this need fit. */
  count(need: Need): number;
  /** Which devices an instance would get; the same answer for the same state. Changes nothing. */
  allocate(need: Need): Piece;
  /**
   * What an instance holds that was bound without an allocation; must not depend on what else is there, or a snapshot
   * would depend on the order of events. Absent: what `allocate` says, which then must not either.
   */
  implied?(need: Need): Piece;
  /** Takes a piece; also one that does not fit, because what is bound is bound. */
  take(piece: Piece): void;
  /** The inverse of `take`. */
  release(piece: Piece): void;
  /** The part in use after the placement, 0 to 1; undefined when it should not count. */
  score(need: Need): number | undefined;
  /** Why it does not fit; undefined when it does. */
  explain(need: Need): Shortage | undefined;
  /** How much there is and how much of it is taken, in any unit; absent where it cannot be counted. */
  usage?(): { readonly capacity: number; readonly used: number };
}
