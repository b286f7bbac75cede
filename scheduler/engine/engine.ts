/** Snapshot and request in, decision or reasons out. Pure: no clock, no I/O, no chance. */

import type { JsonValue } from '../../api/meta.ts';
import { strategyOf } from '../strategies/built-in.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { ClassIndex } from './class-index.ts';
import { reasonsOf, unavailable } from './explain.ts';
import type { Reasons } from './reasons.ts';
import type { Allocation, PlacementRequest, StrategyName } from './request.ts';
import type { Snapshot } from './snapshot.ts';

export type Decision = Placed | { readonly type: 'refused'; readonly reasons: Reasons };

export interface Placed {
  readonly type: 'placed';
  readonly node: string;
  readonly allocation: Allocation;
}

/** Costs kept over all indices, one per node and class: 12 bytes each. */
const indexedCostsMax = 8_000_000;

interface KnownClass {
  readonly index: ClassIndex;
  /** Where the log stood at the last refusal: nothing has changed while it stands there still. */
  refusedAt?: number;
  reasons?: { readonly reasons: Reasons; readonly position: number };
}

export class Engine {
  readonly snapshot: Snapshot;
  /** In order of last use. */
  readonly #classes = new Map<string, KnownClass>();

  readonly #strategyOf: (name: StrategyName) => Strategy | undefined;

  constructor(snapshot: Snapshot, strategies = strategyOf) {
    this.snapshot = snapshot;
    this.#strategyOf = strategies;
  }

  /** Where it would go now, or why nowhere; the snapshot is not changed. */
  schedule(request: PlacementRequest): Decision {
    return this.place(request) ?? { type: 'refused', reasons: this.#reasonsOf(request) };
  }

  /** As `schedule`, but undefined where it is refused: reasons look at every node, and not everyone asks. */
  place(request: PlacementRequest): Placed | undefined {
    const strategy = this.#strategyOf(request.strategy);
    if (strategy === undefined) return undefined;
    const known = this.#classOf(request, strategy);
    const { position } = this.snapshot.log;
    if (known.refusedAt === position) return undefined;
    const index = known.index.best();
    const record = index === undefined ? undefined : this.snapshot.recordAt(index);
    if (index === undefined || record === undefined) {
      known.refusedAt = position;
      return undefined;
    }
    const allocation = this.#allocate(request, strategy, index);
    return { type: 'placed', node: record.name, allocation };
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

  #reasonsOf(request: PlacementRequest): Reasons {
    const { snapshot } = this;
    const { position } = snapshot.log;
    const known = this.#classes.get(request.classKey);
    if (known?.reasons?.position === position) return known.reasons.reasons;
    if (this.#strategyOf(request.strategy) === undefined) return unavailable(snapshot, request);
    const reasons = reasonsOf(snapshot, request);
    if (known !== undefined) known.reasons = { reasons, position };
    return reasons;
  }

  #allocate(request: PlacementRequest, strategy: Strategy, index: number): Allocation {
    if (request.parts.length === 0) return {};
    const scorer = strategy.scorer?.(this.snapshot, request);
    const pieces: [string, JsonValue][] = [];
    for (const { dimension, need } of request.parts) {
      const devices = this.snapshot.devicesAt(dimension, index);
      if (devices === undefined) continue;
      const piece = scorer?.allocate?.(dimension, index) ?? devices.allocate(need);
      pieces.push([dimension, piece]);
    }
    return Object.fromEntries(pieces);
  }

  #classOf(request: PlacementRequest, strategy: Strategy): KnownClass {
    const key = request.classKey;
    const known = this.#classes.get(key) ?? {
      index: new ClassIndex(this.snapshot, request, strategy),
    };
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
