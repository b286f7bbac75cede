/** Snapshot and request in, decision or reasons out. Pure: no clock, no I/O, no chance. */

import type { JsonValue } from '../../api/meta.ts';
import { strategyOf } from '../strategies/built-in.ts';
import { ClassIndex } from './class-index.ts';
import { reasonsOf } from './explain.ts';
import type { Reasons } from './reasons.ts';
import type { Allocation, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

export type Decision =
  | { readonly type: 'placed'; readonly node: string; readonly allocation: Allocation }
  | { readonly type: 'refused'; readonly reasons: Reasons };

/** Costs kept over all indices, one per node and class: 12 bytes each. */
const indexedCostsMax = 8_000_000;

interface KnownClass {
  readonly index: ClassIndex;
  /** The last refusal, and where the log stood: nothing has changed while it stands there still. */
  refusal?: { readonly reasons: Reasons; readonly position: number };
}

export class Engine {
  readonly snapshot: Snapshot;
  /** In order of last use. */
  readonly #classes = new Map<string, KnownClass>();

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
  }

  /** Where it would go now; the snapshot is not changed. */
  schedule(request: PlacementRequest): Decision {
    const known = this.#classOf(request);
    const { snapshot } = this;
    if (known.refusal?.position === snapshot.log.position) {
      return { type: 'refused', reasons: known.refusal.reasons };
    }
    const record = strategyOf(request.strategy) === undefined ? undefined : this.#best(known);
    if (record === undefined) {
      const reasons = reasonsOf(snapshot, request);
      known.refusal = { reasons, position: snapshot.log.position };
      return { type: 'refused', reasons };
    }
    return {
      type: 'placed',
      node: record.name,
      allocation: this.#allocate(request, record.index),
    };
  }

  /**
   * Decides one after the other, each knowing of those before. What was placed is assumed in the snapshot; release
   * it there if it is not carried out.
   */
  scheduleBatch(requests: readonly PlacementRequest[]): Decision[] {
    return requests.map((request) => {
      const decision = this.schedule(request);
      if (decision.type === 'placed') {
        this.snapshot.assume(request, decision.node, decision.allocation);
      }
      return decision;
    });
  }

  #best({ index }: KnownClass): { readonly index: number; readonly name: string } | undefined {
    const best = index.best();
    if (best === undefined) return undefined;
    const record = this.snapshot.recordAt(best);
    return record === undefined ? undefined : { index: best, name: record.name };
  }

  #allocate(request: PlacementRequest, index: number): Allocation {
    const pieces: [string, JsonValue][] = [];
    for (const { dimension, need } of request.parts) {
      const devices = this.snapshot.devicesAt(dimension, index);
      if (devices !== undefined) pieces.push([dimension, devices.allocate(need)]);
    }
    return Object.fromEntries(pieces);
  }

  #classOf(request: PlacementRequest): KnownClass {
    const key = request.classKey;
    const known = this.#classes.get(key) ?? { index: new ClassIndex(this.snapshot, request) };
    this.#classes.delete(key);
    this.#classes.set(key, known);
    const most = Math.max(1, Math.floor(indexedCostsMax / this.snapshot.columns.size));
    for (const oldest of this.#classes.keys()) {
      if (this.#classes.size <= most) break;
      this.#classes.delete(oldest);
    }
    return known;
  }
}
