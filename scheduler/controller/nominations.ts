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
  /** Those that do not count at this moment. */
  readonly #aside = new Set<string>();

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
    this.#aside.delete(uid);
    return this.#nominations.delete(uid);
  }

  /**
   * Gives free, until the returned function is called, what is not kept from these: their own rooms, and those of
   * less important ones.
   */
  setAside(uids: readonly string[], priority: number): () => void {
    const own = new Set(uids);
    const aside: string[] = [];
    for (const [uid, nomination] of this.#nominations) {
      if (this.#aside.has(uid) || !(own.has(uid) || nomination.priority < priority)) continue;
      this.#aside.add(uid);
      aside.push(uid);
      this.#snapshot.release(placeholder(uid));
    }
    return () => {
      for (const uid of aside) {
        const nomination = this.#nominations.get(uid);
        // What was dropped, or kept anew, meanwhile is as it should be.
        if (this.#aside.delete(uid) && nomination !== undefined) this.#take(uid, nomination);
      }
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
