/** Batches whose bindings are under way, while the next ones are decided. */

/** So many batches at once. */
const maxFlights = 4;
/** While one is under way, fewer pods than this wait for it: written together they cost less. */
const worthwhile = 64;

export class Flights {
  readonly #underWay = new Set<Promise<void>>();
  readonly #landed: () => void;
  #failure: { readonly error: unknown } | undefined;

  /** `landed` is called whenever one has come to its end. */
  constructor(landed: () => void) {
    this.#landed = landed;
  }

  /** Whether to decide now, with so many pods to be decided; if not, `landed` says when to ask again. */
  admits(ready: number): boolean {
    if (this.#underWay.size === 0) return true;
    return this.#underWay.size < maxFlights && ready >= worthwhile;
  }

  /** Resolves when it has ended; what goes wrong with it is thrown by `check` and `all`. */
  launch(work: () => Promise<void>): Promise<void> {
    const flight = work()
      .catch((error) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#underWay.delete(flight);
        this.#landed();
      });
    this.#underWay.add(flight);
    return flight;
  }

  /** Throws what the first that failed has thrown. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Resolves when none is under way; throws as `check`. */
  async all(): Promise<void> {
    await this.settled();
    this.check();
  }

  /** Resolves when none is under way, whatever became of them. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}
