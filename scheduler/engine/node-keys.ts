/** By what nodes are put in order: whole numbers, the lowest first. */
import { partOf } from '../dimensions/scalar.ts';
import { costStep, type Scorer } from '../strategies/strategy.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

export interface NodeKeys {
  /** Whether a placement adds more to one node's key than to another's, by their capacity. */
  readonly byCapacity: boolean;
  /** Whether the first node for a request is the first for another like it, too, while it has room. */
  readonly staysFirst: boolean;
  /** The rows of the snapshot's columns may be others. */
  renew(): void;
  /** At most 2^32; `refused` where no request of the order could be placed. `nominals` by resource. */
  of(index: number, nominals: Float64Array): number;
  /** What a placement of so much adds to the key of a node. */
  more(nominals: Float64Array, asked: Float64Array): number;
}

/** What a strategy's scorer says, where the devices asked for fit. */
export function keysByScore(
  snapshot: Snapshot,
  { parts }: PlacementRequest,
  scorer: Scorer,
): NodeKeys {
  return {
    byCapacity: false,
    // Costs are read from the devices, of which it takes none.
    staysFirst: parts.length === 0,
    renew: () => {},
    of: (index) => {
      for (const { dimension, need } of parts) {
        if (snapshot.devicesAt(dimension, index)?.fits(need) !== true) return refused;
      }
      return scorer.cost(index) / costStep;
    },
    more: () => 0,
  };
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
    renew: () => {
      ({ rows } = columns);
      places = columns.placesOf(resources);
    },
    of: (index, nominals) => {
      const { cells, length, span } = rows;
      const used = index * length + span;
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
