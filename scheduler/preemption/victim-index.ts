/**
 * Who would have to go from each node for one class of equal requests, kept current: the next of the class costs only
 * the nodes that changed since the last one. Answers as the estimates of all nodes made anew would.
 */
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { estimateOn, rulesOf } from './estimate.ts';
import type { OccupantChanges, PreemptionOptions } from './occupant.ts';
import type { Victims } from './rank.ts';

export class VictimIndex {
  readonly #snapshot: Snapshot;
  readonly #request: PlacementRequest;
  readonly #changes: OccupantChanges;
  readonly #refuses: ReturnType<typeof rulesOf>;
  /** By node index; undefined where it could not work. */
  readonly #estimates: (Victims | undefined)[] = [];
  #position = -1;
  #occupants = -1;
  #budgets = -1;

  /** `options` of later calls must speak of the same priority. */
  constructor(snapshot: Snapshot, request: PlacementRequest, changes: OccupantChanges) {
    this.#snapshot = snapshot;
    this.#request = request;
    this.#changes = changes;
    this.#refuses = rulesOf(request);
  }

  /** One for each node where it could work, in no order. */
  estimates(options: PreemptionOptions): readonly Victims[] {
    const { log } = this.#snapshot;
    const changed: number[] = [];
    if (this.#reaches(changed)) for (const index of changed) this.#update(index, options);
    else {
      this.#estimates.length = 0;
      for (const index of this.#snapshot.order.indices()) this.#update(index, options);
    }
    this.#position = log.position;
    this.#occupants = this.#changes.position;
    this.#budgets = this.#changes.budgets;
    return this.#estimates.filter((each) => each !== undefined);
  }

  /** Whether all that changed is known; it is in `changed`, then. */
  #reaches(changed: number[]): boolean {
    const { log } = this.#snapshot;
    if (this.#position < 0 || this.#budgets !== this.#changes.budgets) return false;
    const changes = log.changedSince(this.#position);
    if (changes === undefined) return false;
    changed.push(...changes.nodes.subarray(0, changes.count));
    const uids: string[] = [];
    if (!this.#changes.changedSince(this.#occupants, uids)) return false;
    for (const uid of uids) {
      const index = this.#snapshot.indexOf(this.#snapshot.nodeOf(uid) ?? '');
      if (index !== undefined) changed.push(index);
    }
    return true;
  }

  #update(index: number, options: PreemptionOptions): void {
    const record = this.#snapshot.recordAt(index);
    this.#estimates[index] =
      record === undefined || this.#refuses(record)
        ? undefined
        : estimateOn(this.#snapshot, this.#request, index, options);
  }
}
