/** Which of two answers does less harm. Source: Kubernetes framework/preemption, `pickOneNodeForPreemption`. */
import { moreImportantFirst, type Occupant, type Reprieve } from './occupant.ts';

export interface Victims {
  readonly node: string;
  /** The most important first. */
  readonly victims: readonly Occupant[];
  /** How many of them a budget would have kept. */
  readonly violations: number;
  /** Those, and maybe others that stay. */
  readonly violating: ReadonlySet<Occupant>;
  /** Of their priorities, each counted from the lowest that there can be: more victims are more, whoever they are. */
  readonly prioritySum: number;
}

const lowestPriority = -(2 ** 31);

export function victimsFrom(
  node: string,
  victims: Occupant[],
  { violating }: Pick<Reprieve, 'violating'>,
): Victims {
  let [violations, prioritySum] = [0, 0];
  for (const victim of victims) {
    prioritySum += victim.priority - lowestPriority;
    if (violating.has(victim)) violations += 1;
  }
  return { node, victims: victims.sort(moreImportantFirst), violations, violating, prioritySum };
}

/** Negative when `a` is better; 0 only for the same node. */
export function compareVictims(a: Victims, b: Victims): number {
  if (a.violations !== b.violations) return a.violations - b.violations;
  const [highestA, highestB] = [highestOf(a), highestOf(b)];
  if (highestA !== highestB) return highestA < highestB ? -1 : 1;
  if (a.prioritySum !== b.prioritySum) return a.prioritySum - b.prioritySum;
  if (a.victims.length !== b.victims.length) return a.victims.length - b.victims.length;
  // The first of the victims is the earliest started of the highest priority.
  const [startA = 0, startB = 0] = [a.victims[0]?.startedMs, b.victims[0]?.startedMs];
  if (startA !== startB) return startB - startA;
  if (a.node === b.node) return 0;
  return a.node < b.node ? -1 : 1;
}

function highestOf({ victims }: Victims): number {
  return victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
}
