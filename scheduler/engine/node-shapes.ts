/** What nodes have in common: equal traits and equal shapes are one object each, so that answers about them are kept. */
import { nominalCapacity } from '../dimensions/scalar.ts';
import type { NodeRecord, NodeTraits } from './request.ts';

/** Nodes of one shape differ, to most requests, by what is placed on them only. */
export interface NodeShape {
  readonly traits: NodeTraits;
  /** Nominal capacity by resource. */
  readonly nominals: ReadonlyMap<string, number>;
}

/** One object for all that have the same key; forgotten with the last that uses it. */
class Interned<T> {
  readonly #entries = new Map<string, { readonly value: T; uses: number }>();

  take(key: string, make: () => T): T {
    const known = this.#entries.get(key) ?? { value: make(), uses: 0 };
    known.uses += 1;
    this.#entries.set(key, known);
    return known.value;
  }

  leave(key: string): void {
    const known = this.#entries.get(key);
    if (known === undefined) return;
    known.uses -= 1;
    if (known.uses === 0) this.#entries.delete(key);
  }
}

interface Kept {
  readonly traitsKey: string;
  readonly shapeKey: string;
  readonly shape: NodeShape;
}

export class NodeShapes {
  readonly #traits = new Interned<NodeTraits>();
  readonly #shapes = new Interned<NodeShape>();
  /** By node index. */
  readonly #kept: (Kept | undefined)[] = [];
  readonly #shapeOf: (NodeShape | undefined)[] = [];

  at(index: number): NodeShape | undefined {
    return this.#shapeOf[index];
  }

  /** Of a node as it is now; undefined when it is gone. */
  set(index: number, record: NodeRecord | undefined): NodeShape | undefined {
    const before = this.#kept[index];
    const kept = record === undefined ? undefined : this.#keep(record);
    this.#kept[index] = kept;
    this.#shapeOf[index] = kept?.shape;
    if (before !== undefined) {
      this.#traits.leave(before.traitsKey);
      this.#shapes.leave(before.shapeKey);
    }
    return kept?.shape;
  }

  #keep({ traits, capacity }: NodeRecord): Kept {
    const traitsKey = JSON.stringify(traits);
    const nominals = capacity.map(({ resource, amount }): [string, number] => [
      resource,
      nominalCapacity(amount),
    ]);
    const shapeKey = `${traitsKey} ${nominals.join(' ')}`;
    const common = this.#traits.take(traitsKey, () => traits);
    const shape = this.#shapes.take(shapeKey, () => ({
      traits: common,
      nominals: new Map(nominals),
    }));
    return { traitsKey, shapeKey, shape };
  }
}
