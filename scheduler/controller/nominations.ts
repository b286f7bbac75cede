/** The rooms that are kept for those who wait for others to leave: counted in the snapshot, as if taken. */
import type { Allocation, PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';

export interface Nomination {
  readonly node: string;
  readonly priority: number;
  readonly request: PlacementRequest;
  readonly allocation: Allocation;
}

export class Nominations {
  readonly #snapshot: Snapshot;
  /** By the uid of who waits. */
  readonly #nominations = new Map<string, Nomination>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  nodeOf(uid: string): string | undefined {
    return this.#nominations.get(uid)?.node;
  }

  /** Keeps room for it there, and nowhere else any more. */
  keep(uid: string, nomination: Nomination): void {
    this.drop(uid);
    this.#nominations.set(uid, nomination);
    this.#take(uid, nomination);
  }

  /** True when room was kept for it. */
  drop(uid: string): boolean {
    this.#snapshot.release(placeholder(uid));
    return this.#nominations.delete(uid);
  }

  /**
   * Gives free, until the returned function is called, what is not kept from this one: its own room, and that of
   * less important ones.
   */
  setAside(uid: string, priority: number): () => void {
    const aside = [...this.#nominations].filter(
      ([each, nomination]) => each === uid || nomination.priority < priority,
    );
    for (const [each] of aside) this.#snapshot.release(placeholder(each));
    return () => {
      // What was dropped meanwhile stays away.
      for (const [each, nomination] of aside)
        if (this.#nominations.get(each) === nomination) this.#take(each, nomination);
    };
  }

  #take(uid: string, { request, node, allocation }: Nomination): void {
    this.#snapshot.assume({ ...request, uid: placeholder(uid) }, node, allocation);
  }
}

/** Under which the room is taken in the snapshot. */
function placeholder(uid: string): string {
  return `nominated/${uid}`;
}
