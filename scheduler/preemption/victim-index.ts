/**
 * Who would have to go from each node for one class of equal requests, kept current: the next of the class costs only
 * the nodes that changed since the last one. Answers as the estimates of all nodes made anew would.
 */
import { Heap } from '../../lib/heap.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { estimateOn, rulesOf } from './estimate.ts';
import type { OccupantChanges, PreemptionOptions } from './occupant.ts';
import { compareVictims, type Victims } from './rank.ts';

/** Until when all changes are heeded. */
interface Since {
  readonly position: number;
  readonly occupants: number;
  readonly budgets: number;
}

/** Nodes of which the best one is known at hand; and so many may have changed when somebody asks. */
const blockSize = 64;

/** On a large cluster something changes in every pause: it must come to an end all the same. */
const roundsMax = 3;

const never: Since = { position: -1, occupants: -1, budgets: -1 };

export class VictimIndex {
  readonly #snapshot: Snapshot;
  readonly #request: PlacementRequest;
  readonly #changes: OccupantChanges;
  readonly #refuses: ReturnType<typeof rulesOf>;
  /** By node index; undefined where it could not work. */
  readonly #estimates: (Victims | undefined)[] = [];
  /** Of each block of nodes; `stale` until somebody asks. */
  readonly #bests: (Victims | undefined | 'stale')[] = [];
  #parts: Generator<undefined, void> | undefined;
  #rounds = 0;
  #since = never;

  /** Options of later calls must speak of the same priority. */
  constructor(snapshot: Snapshot, request: PlacementRequest, changes: OccupantChanges) {
    this.#snapshot = snapshot;
    this.#request = request;
    this.#changes = changes;
    this.#refuses = rulesOf(request);
  }

  /**
   * Brings it up to date by one node, so that nobody waits long for it; true when little is left, or new changes have
   * come again and again.
   */
  advance(optionsNow: () => PreemptionOptions): boolean {
    if (this.#parts === undefined) {
      const changed = this.#changed();
      if (changed !== undefined && changed.length <= blockSize) return this.#end();
      if (this.#rounds >= roundsMax) return this.#end();
      this.#rounds += 1;
      this.#parts = this.#catchUp(changed, optionsNow());
    }
    if (this.#parts.next().done === true) this.#parts = undefined;
    return false;
  }

  /** One for each node where it could work, the least harm first: as of now, once `advance` has said so. */
  estimates(options: PreemptionOptions): Iterable<Victims> {
    const changed = this.#changed();
    if (changed !== undefined && changed.length <= blockSize) {
      for (const _ of this.#catchUp(changed, options));
    }
    return { [Symbol.iterator]: () => this.#bestFirst() };
  }

  #end(): true {
    this.#rounds = 0;
    return true;
  }

  /** Pauses after each node; what changes in the pauses is put right by the next question. */
  *#catchUp(
    changed: readonly number[] | undefined,
    options: PreemptionOptions,
  ): Generator<undefined, void> {
    const since = this.#now();
    if (changed === undefined) this.#since = never;
    for (const index of changed ?? this.#all()) {
      this.#update(index, options);
      yield;
    }
    this.#since = since;
  }

  /** Also of nodes that are not there any more. */
  #all(): readonly number[] {
    const all = this.#snapshot.order.indices().slice();
    for (const index of this.#estimates.keys()) {
      if (this.#snapshot.recordAt(index) === undefined) all.push(index);
    }
    return all;
  }

  #now(): Since {
    const { position: occupants, budgets } = this.#changes;
    return { position: this.#snapshot.log.position, occupants, budgets };
  }

  /** By index, some more than once; undefined when all have to be looked at. */
  #changed(): readonly number[] | undefined {
    const { position, occupants, budgets } = this.#since;
    if (position < 0 || budgets !== this.#changes.budgets) return undefined;
    const changes = this.#snapshot.log.changedSince(position);
    if (changes === undefined) return undefined;
    const changed = [...changes.nodes.subarray(0, changes.count)];
    const uids: string[] = [];
    if (!this.#changes.changedSince(occupants, uids)) return undefined;
    for (const uid of uids) {
      const index = this.#snapshot.indexOf(this.#snapshot.nodeOf(uid) ?? '');
      if (index !== undefined) changed.push(index);
    }
    return changed;
  }

  #update(index: number, options: PreemptionOptions): void {
    const record = this.#snapshot.recordAt(index);
    this.#estimates[index] =
      record === undefined || this.#refuses(record)
        ? undefined
        : estimateOn(this.#snapshot, this.#request, index, options);
    this.#bests[Math.floor(index / blockSize)] = 'stale';
  }

  /** Blocks in the order of their best, each opened when that is due. */
  *#bestFirst(): Generator<Victims> {
    const heap = new Heap<Entry>((a, b) => compareVictims(a.estimate, b.estimate));
    for (let block = 0; block < this.#bests.length; block += 1) {
      const estimate = this.#bestOf(block);
      if (estimate !== undefined) heap.push({ estimate, block });
    }
    for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
      yield next.estimate;
      if (next.block === undefined) continue;
      for (const estimate of this.#ofBlock(next.block)) {
        if (estimate !== undefined && estimate !== next.estimate) heap.push({ estimate });
      }
    }
  }

  #bestOf(block: number): Victims | undefined {
    const known = this.#bests[block];
    if (known !== 'stale') return known;
    let best: Victims | undefined;
    for (const each of this.#ofBlock(block)) {
      if (best === undefined || (each !== undefined && compareVictims(each, best) < 0)) best = each;
    }
    this.#bests[block] = best;
    return best;
  }

  #ofBlock(block: number): readonly (Victims | undefined)[] {
    return this.#estimates.slice(block * blockSize, (block + 1) * blockSize);
  }
}

/** With a block: its best. */
interface Entry {
  readonly estimate: Victims;
  readonly block?: number;
}
