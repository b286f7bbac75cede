import type { VolumeHolder } from './volume-locks.ts';

/** Those who were held for too long, by the uid of what was made; so many at most. */
export class HeldTooLong {
  readonly #holders = new Map<string, string>();
  readonly #max = 1_000;

  note(forUid: string, holder: VolumeHolder): void {
    const [oldest] = this.#holders.keys();
    if (this.#holders.size >= this.#max && oldest !== undefined) this.#holders.delete(oldest);
    this.#holders.set(forUid, holder.uid);
  }

  has(forUid: string, holder: VolumeHolder): boolean {
    return this.#holders.get(forUid) === holder.uid;
  }
}
