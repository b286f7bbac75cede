/**
 * All nodes, ordered for one class of equal requests: a tournament tree over their costs, brought up to date from
 * the change log. The next decision of the class costs only the nodes that changed since the last one.
 */
import type { Strategy } from '../strategies/strategy.ts';
import { type CostOf, costFunction } from './evaluate.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

export class ClassIndex {
  readonly #snapshot: Snapshot;
  readonly #request: PlacementRequest;
  readonly #strategy: Strategy;
  #costOf: CostOf = () => Number.POSITIVE_INFINITY;
  #costs = new Float64Array(0);
  /** The winner of each pair, root at 1; the leaves are implied: node `i` stands at `size + i`. */
  #winners = new Int32Array(0);
  #ranks: Int32Array = new Int32Array(0);
  #orderVersion = -1;
  #layout = -1;
  #position = -1;

  constructor(snapshot: Snapshot, request: PlacementRequest, strategy: Strategy) {
    this.#snapshot = snapshot;
    this.#request = request;
    this.#strategy = strategy;
  }

  /** The index of the cheapest node, the first by name among equals; undefined when none fits. */
  best(): number | undefined {
    this.#catchUp();
    const winner = this.#winners[1] ?? 0;
    return this.#costs[winner] === Number.POSITIVE_INFINITY ? undefined : winner;
  }

  #catchUp(): void {
    const { columns, log, order } = this.#snapshot;
    this.#ranks = order.ranks();
    // An index may have gone to another node, which has another place among its equals.
    const reordered = order.version !== this.#orderVersion;
    const fresh = columns.layout === this.#layout;
    const update = (index: number) => this.#update(index, reordered);
    if (!fresh || !log.since(this.#position, update)) this.#rebuild();
    this.#position = log.position;
    this.#orderVersion = order.version;
  }

  #rebuild(): void {
    const { columns } = this.#snapshot;
    const { size } = columns;
    this.#layout = columns.layout;
    this.#costOf = costFunction(this.#snapshot, this.#request, this.#strategy);
    this.#costs = new Float64Array(size);
    for (let index = 0; index < size; index += 1) this.#costs[index] = this.#costOf(index);
    this.#winners = new Int32Array(size);
    for (let at = size - 1; at >= 1; at -= 1) this.#winners[at] = this.#duel(at);
  }

  #update(index: number, reordered: boolean): void {
    const cost = this.#costOf(index);
    if (cost === this.#costs[index] && !reordered) return;
    this.#costs[index] = cost;
    for (let at = (index + this.#costs.length) >>> 1; at >= 1; at >>>= 1) {
      const before = this.#winners[at];
      const winner = this.#duel(at);
      this.#winners[at] = winner;
      // Another node won here and still does, so nothing above can have changed.
      if (winner === before && winner !== index) return;
    }
  }

  /** The better of the two below `at`. */
  #duel(at: number): number {
    const left = this.#standing(2 * at);
    const right = this.#standing(2 * at + 1);
    const leftCost = this.#costs[left] ?? Number.POSITIVE_INFINITY;
    const rightCost = this.#costs[right] ?? Number.POSITIVE_INFINITY;
    if (leftCost !== rightCost) return leftCost < rightCost ? left : right;
    return (this.#ranks[left] ?? 0) <= (this.#ranks[right] ?? 0) ? left : right;
  }

  #standing(at: number): number {
    const size = this.#costs.length;
    return at >= size ? at - size : (this.#winners[at] ?? 0);
  }
}
