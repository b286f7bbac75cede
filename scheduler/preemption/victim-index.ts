/**
 * Who would have to go from each node for one class of equal requests, kept current: the next of the class costs only
 * the nodes that changed since the last one. Answers as the estimates of all nodes made anew would.
 */
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { estimateOn, rulesOf } from './estimate.ts';
import type { OccupantChanges, PreemptionOptions } from './occupant.ts';
import type { Victims } from './rank.ts';

/** Until when all changes are heeded. */
interface Since {
  readonly position: number;
  readonly occupants: number;
  readonly budgets: number;
}

/** Nodes that are looked at in one part: all instances of each are. */
const partSize = 64;

export class VictimIndex {
  readonly #snapshot: Snapshot;
  readonly #request: PlacementRequest;
  readonly #changes: OccupantChanges;
  readonly #refuses: ReturnType<typeof rulesOf>;
  /** By node index; undefined where it could not work. */
  readonly #estimates: (Victims | undefined)[] = [];
  #parts: Generator<undefined, void> | undefined;
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
    this.#parts = undefined;
    for (const _ of this.#catchUp(options));
    return this.#estimates.filter((each) => each !== undefined);
  }

  /** Brings it up to date a part at a time, so that nobody waits long for it; true when all is known. */
  advance(options: PreemptionOptions): boolean {
    this.#parts ??= this.#catchUp(options);
    if (this.#parts.next().done !== true) return false;
    this.#parts = undefined;
    return true;
  }

  /** Pauses after each part; what changes in the pauses is put right by the next question. */
  *#catchUp(options: PreemptionOptions): Generator<undefined, void> {
    const since = this.#now();
    let changed: number[] = [];
    if (!this.#reaches(changed)) {
      this.#position = -1;
      this.#estimates.length = 0;
      changed = this.#snapshot.order.indices().slice();
    }
    for (const [i, index] of changed.entries()) {
      this.#update(index, options);
      if (i % partSize === partSize - 1) yield;
    }
    this.#note(since);
  }

  #now(): Since {
    const { position: occupants, budgets } = this.#changes;
    return { position: this.#snapshot.log.position, occupants, budgets };
  }

  #note({ position, occupants, budgets }: Since): void {
    this.#position = position;
    this.#occupants = occupants;
    this.#budgets = budgets;
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
