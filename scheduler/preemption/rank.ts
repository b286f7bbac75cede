/** Which of two answers does less harm. Source: Kubernetes framework/preemption, `pickOneNodeForPreemption`. */
import type { Candidate } from './occupant.ts';

export interface Victims {
  readonly node: string;
  /** The most important first. */
  readonly victims: readonly Candidate[];
  /** How many of them a budget would have kept. */
  readonly violations: number;
}

/** Makes every priority count, also the negative ones: more victims are more, whoever they are. */
const priorityOffset = 2 ** 31;

/** Negative when `a` is better; 0 only for the same node. */
export function compareVictims(a: Victims, b: Victims): number {
  if (a.violations !== b.violations) return a.violations - b.violations;
  const [highestA, highestB] = [highestOf(a), highestOf(b)];
  if (highestA !== highestB) return highestA < highestB ? -1 : 1;
  const [sumA, sumB] = [sumOf(a), sumOf(b)];
  if (sumA !== sumB) return sumA - sumB;
  if (a.victims.length !== b.victims.length) return a.victims.length - b.victims.length;
  const [startA, startB] = [earliestStartOf(a), earliestStartOf(b)];
  if (startA !== startB) return startB < startA ? -1 : 1;
  if (a.node === b.node) return 0;
  return a.node < b.node ? -1 : 1;
}

function highestOf({ victims }: Victims): number {
  return victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
}

function sumOf({ victims }: Victims): number {
  return victims.reduce((sum, { priority }) => sum + priority + priorityOffset, 0);
}

/** Among the victims of the highest priority. */
function earliestStartOf(answer: Victims): number {
  const highest = highestOf(answer);
  return answer.victims.reduce(
    (earliest, { priority, startedMs }) =>
      priority === highest ? Math.min(earliest, startedMs) : earliest,
    Number.POSITIVE_INFINITY,
  );
}
