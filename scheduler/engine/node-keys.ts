/** By what nodes are put in order: whole numbers, the lowest first. */
import { partOf } from '../dimensions/scalar.ts';
import type { NodeStates } from '../strategies/strategy.ts';
import type { Snapshot } from './snapshot.ts';

export interface NodeKeys {
  /** Whether a placement adds more to one node's key than to another's, by their capacity. */
  readonly byCapacity: boolean;
  /** Whether the first node for a request is the first for another like it, too, while it has room. */
  readonly staysFirst: boolean;
  /** The rows of the snapshot's columns may be others. */
  renew(): void;
  /** Nodes of different states are of different kinds; undefined: there are none. */
  readonly states: NodeStates | undefined;
  /** At most 2^32. `nominals` by resource. */
  of(index: number, nominals: Float64Array): number;
  /** What a placement of so much adds to the key of a node. */
  more(nominals: Float64Array, asked: Float64Array): number;
}

/** Nodes of one kind are as good, and go by name. */
export function keysByName(states?: NodeStates): NodeKeys {
  // A placement leaves a node of one state where it was, unless it changes the state.
  const staysFirst = states === undefined;
  return { byCapacity: false, staysFirst, states, renew: () => {}, of: () => 0, more: () => 0 };
}

/** The part in use, summed over the resources; `sign` 1 puts the least used first, -1 the most used. */
export function keysByUse(
  { columns }: Snapshot,
  resources: readonly string[],
  sign: 1 | -1,
): NodeKeys {
  let { rows } = columns;
  let places = columns.placesOf(resources);
  return {
    byCapacity: true,
    staysFirst: sign === -1,
    states: undefined,
    renew: () => {
      ({ rows } = columns);
      places = columns.placesOf(resources);
    },
    of: (index, nominals) => {
      const { cells, span } = rows;
      const used = (2 * index + 1) * span;
      let sum = 0;
      for (let k = 0; k < places.length; k += 1) {
        sum += partOf(nominals[k] ?? 0, cells[used + (places[k] ?? 0)] ?? 0);
      }
      return sign * sum;
    },
    more: (nominals, asked) => {
      let sum = 0;
      for (let k = 0; k < asked.length; k += 1) sum += partOf(nominals[k] ?? 0, asked[k] ?? 0);
      return sign * sum;
    },
  };
}
