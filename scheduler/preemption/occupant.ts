/** What preemption has to know of an instance that is placed. */
export interface Occupant {
  /** Under which it is placed. */
  readonly uid: string;
  readonly priority: number;
  /** Since the epoch; of equals the one that runs for longest goes last. */
  readonly startedMs: number;
  /** `leaving`: it goes anyhow, and is not counted as a victim. `stays`: it may not be removed. */
  readonly state: 'removable' | 'leaving' | 'stays';
}

export interface PreemptionOptions {
  /** Of the request: only who has less may go. */
  readonly priority: number;
  /** Undefined for what is not known yet, which stays. Asked about everything that is placed, so it should be quick. */
  readonly occupantOf: (uid: string) => Occupant | undefined;
  /** Names of the budgets that count it; not asked when there are none. */
  readonly budgetsOf: (occupant: Occupant) => readonly string[];
  /** How many each budget lets go now. */
  readonly allowed: ReadonlyMap<string, number>;
}

/** What changed about occupants, so that nothing is looked at again that did not. */
export interface OccupantChanges {
  /** Where the log stands; give it to `changedSince` later. */
  readonly position: number;
  /** Another number whenever what any budget allows, or whom it means, is something else. */
  readonly budgets: number;
  /** Adds the uids of those that changed at or after `position`; false when the log does not reach back so far. */
  changedSince(position: number, uids: string[]): boolean;
}

/** Higher priority first, then who started earlier. Source: Kubernetes pkg/scheduler/util, `MoreImportantPod`. */
export function moreImportantFirst(a: Occupant, b: Occupant): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.startedMs !== b.startedMs) return a.startedMs - b.startedMs;
  return a.uid < b.uid ? -1 : 1;
}

export interface Reprieve {
  /** In which they are given back: those whose removal would violate a budget first. */
  readonly order: readonly Occupant[];
  readonly violating: ReadonlySet<Occupant>;
}

const none: ReadonlySet<Occupant> = new Set();

export function reprieveOf(
  candidates: readonly Occupant[],
  { allowed, budgetsOf }: Pick<PreemptionOptions, 'allowed' | 'budgetsOf'>,
): Reprieve {
  const sorted = candidates.toSorted(moreImportantFirst);
  if (allowed.size === 0) return { order: sorted, violating: none };
  const left = new Map<string, number>();
  const violating = new Set<Occupant>();
  for (const candidate of sorted) {
    for (const budget of budgetsOf(candidate)) {
      const more = (left.get(budget) ?? allowed.get(budget) ?? 0) - 1;
      left.set(budget, more);
      if (more < 0) violating.add(candidate);
    }
  }
  const others = sorted.filter((candidate) => !violating.has(candidate));
  return { order: [...violating, ...others], violating };
}
