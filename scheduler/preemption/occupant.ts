/** What preemption has to know of an instance that is placed. */
export interface Occupant {
  readonly priority: number;
  /** Since the epoch; of equals the one that runs for longest goes last. */
  readonly startedMs: number;
  /** Names of the budgets that count it. */
  readonly budgets: readonly string[];
  /** `leaving`: it goes anyhow, and is not counted as a victim. `stays`: it may not be removed. */
  readonly state: 'removable' | 'leaving' | 'stays';
}

export interface PreemptionOptions {
  /** Of the request: only who has less may go. */
  readonly priority: number;
  /** Undefined for what is not known yet, which stays. */
  readonly occupantOf: (uid: string) => Occupant | undefined;
  /** How many each budget lets go now; a budget that is absent allows none. */
  readonly allowed: ReadonlyMap<string, number>;
}

/** One that may go, with the name it is placed under. */
export interface Candidate extends Occupant {
  readonly uid: string;
}

/** Higher priority first, then who started earlier. Source: Kubernetes pkg/scheduler/util, `MoreImportantPod`. */
export function moreImportantFirst(a: Candidate, b: Candidate): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.startedMs !== b.startedMs) return a.startedMs - b.startedMs;
  return a.uid < b.uid ? -1 : 1;
}

/** In the order in which they are given back: those whose removal would violate a budget first. */
export function orderOfReprieve(
  candidates: readonly Candidate[],
  allowed: ReadonlyMap<string, number>,
): { readonly candidate: Candidate; readonly violates: boolean }[] {
  const left = new Map(allowed);
  const sorted = [...candidates].sort(moreImportantFirst).map((candidate) => {
    let violates = false;
    for (const budget of candidate.budgets) {
      const more = (left.get(budget) ?? 0) - 1;
      left.set(budget, more);
      if (more < 0) violates = true;
    }
    return { candidate, violates };
  });
  return [
    ...sorted.filter(({ violates }) => violates),
    ...sorted.filter(({ violates }) => !violates),
  ];
}
