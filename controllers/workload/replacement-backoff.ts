import type { Pod } from '../../api/kinds.gen.ts';
import type { Clock } from '../../lib/clock.ts';

/** The first pod that ended is replaced at once, the next after 10 s, 20 s … */
const baseMs = 10_000;
const maxMs = 300_000;

/** After so long without a further one the count starts over. */
const resetAfterMs = 600_000;

/** Workloads that are remembered; the oldest is forgotten first, which only means no wait. */
const workloadsMax = 10_000;

interface Record {
  ended: number;
  lastMs: number;
  /** When the replacement of each ended pod is due, by uid. */
  due: Map<string, number>;
}

/** Spaces out the replacement of pods that end again and again. */
export class ReplacementBackoff {
  readonly #clock: Clock;
  readonly #records = new Map<string, Record>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The pods whose replacement must wait, and how long until the first is due. */
  resting(
    workloadUid: string,
    ended: readonly Pod[],
  ): { readonly uids: ReadonlySet<string>; readonly waitMs: number | undefined } {
    const nowMs = this.#clock.now();
    const uids = new Set<string>();
    if (ended.length === 0) return { uids, waitMs: undefined };
    const record = this.#record(workloadUid, nowMs);
    const due = new Map<string, number>();
    let waitMs: number | undefined;
    for (const { metadata } of ended) {
      const { uid = '' } = metadata;
      const atMs = record.due.get(uid) ?? this.#count(record, nowMs);
      due.set(uid, atMs);
      if (atMs <= nowMs) continue;
      uids.add(uid);
      waitMs = Math.min(waitMs ?? Number.POSITIVE_INFINITY, atMs - nowMs);
    }
    record.due = due;
    return { uids, waitMs };
  }

  #count(record: Record, nowMs: number): number {
    const delayMs = record.ended === 0 ? 0 : Math.min(baseMs * 2 ** (record.ended - 1), maxMs);
    record.ended += 1;
    record.lastMs = nowMs;
    return nowMs + delayMs;
  }

  #record(workloadUid: string, nowMs: number): Record {
    const known = this.#records.get(workloadUid);
    if (known !== undefined) {
      if (nowMs - known.lastMs > resetAfterMs + maxMs) known.ended = 0;
      return known;
    }
    for (const oldest of this.#records.keys()) {
      if (this.#records.size < workloadsMax) break;
      this.#records.delete(oldest);
    }
    const fresh: Record = { ended: 0, lastMs: nowMs, due: new Map() };
    this.#records.set(workloadUid, fresh);
    return fresh;
  }
}
