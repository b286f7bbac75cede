/** Which instances changed since when, as far back as it reaches, and whether any budget did. */
import type { OccupantChanges } from '../preemption/occupant.ts';

const entriesMax = 8_192;

export class OccupantLog implements OccupantChanges {
  readonly #ring: string[] = [];
  #position = 0;
  #budgets = 0;

  get position(): number {
    return this.#position;
  }

  get budgets(): number {
    return this.#budgets;
  }

  note(uid: string): void {
    this.#ring[this.#position % entriesMax] = uid;
    this.#position += 1;
  }

  noteBudgets(): void {
    this.#budgets += 1;
  }

  changedSince(position: number, uids: string[]): boolean {
    if (this.#position - position > entriesMax) return false;
    for (let at = position; at < this.#position; at += 1) {
      uids.push(this.#ring[at % entriesMax] ?? '');
    }
    return true;
  }
}
