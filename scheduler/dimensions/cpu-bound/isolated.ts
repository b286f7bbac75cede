/**
 * Plans that never put a whole-core instance and a fragment on one core: Eru's order and choice of cores. Without
 * overselling nothing does better; where cores are sold several times `mixed.ts` may find more.
 * Source: github.com/projecteru2/core resource/plugins/cpumem/schedule; told in words, not copied.
 */
import { Heap } from '../../../lib/heap.ts';
import {
  type CoreRequest,
  distinctGroups,
  type FreePieces,
  fragmentsIn,
  isDividedAt,
  type Plan,
  type PlanOptions,
  piecesPerCore,
  planOf,
  plansMax,
  type Share,
  turnsLeft,
  wholesIn,
} from './cores.ts';

/** A core in one of the two lists below. */
export interface Core {
  readonly core: number;
  readonly pieces: number;
}

/** Cores that nobody has a fragment of, and the others; both in the order in which they are used. */
export interface CoreLists {
  readonly undivided: readonly Core[];
  readonly divided: readonly Core[];
  /** How many of the undivided may be divided. */
  readonly turns: number;
}

/** Least free first; equals by number (Eru compares numbers as text, so its core 10 comes before 2). */
export function listCores(free: FreePieces, options: PlanOptions): CoreLists {
  const undivided: Core[] = [];
  const divided: Core[] = [];
  for (let core = 0; core < free.length; core += 1) {
    const pieces = free[core] ?? 0;
    if (pieces <= 0) continue;
    (isDividedAt(free, core, options) ? divided : undivided).push({ core, pieces });
  }
  const order = (a: Core, b: Core) => a.pieces - b.pieces || a.core - b.core;
  const turns = Math.min(undivided.length, turnsLeft(free, options));
  return { undivided: undivided.sort(order), divided: divided.sort(order), turns };
}

/** How many plans there are, and how many undivided cores are divided for them. */
export interface Split {
  readonly count: number;
  readonly turned: number;
}

/** The fewest cores to divide with which the most plans come out. */
export function bestSplit(
  { undivided, divided, turns }: CoreLists,
  { whole, fragment }: CoreRequest,
): Split {
  const wholes = undivided.map(({ pieces }) => wholesIn(pieces));
  if (fragment === 0) return { count: distinctGroups(wholes, whole), turned: 0 };
  const fragments = prefixSums(undivided, fragment, totalFragments(divided, fragment));
  if (whole === 0) return { count: fragments[turns] ?? 0, turned: turns };
  const wholeAt = (turned: number) => distinctGroups(wholes.slice(turned), whole);
  // With more cores divided, fragments grow and whole plans shrink: the best lies where they cross.
  let low = 0;
  let high = turns;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((fragments[middle] ?? 0) >= wholeAt(middle)) high = middle;
    else low = middle + 1;
  }
  const before = low === 0 ? -1 : (fragments[low - 1] ?? 0);
  const here = Math.min(fragments[low] ?? 0, wholeAt(low));
  return before >= here ? { count: before, turned: low - 1 } : { count: here, turned: low };
}

/** All plans of the best split, at most `plansMax`. */
export function isolatedPlans(
  lists: CoreLists,
  request: CoreRequest,
  split: Split = bestSplit(lists, request),
): Plan[] {
  const most = Math.min(split.count, plansMax);
  if (most === 0) return [];
  const fragments = fragmentPlans(lists, request.fragment, split.turned, most);
  if (request.whole === 0) return fragments.map((share) => [share]);
  const wholes = wholePlans(lists.undivided.slice(split.turned), request.whole);
  if (request.fragment === 0) return wholes.slice(0, most).map((shares) => planOf([...shares]));
  return fragments.map((share, i) => planOf([...(wholes[i] ?? []), share]));
}

/** Fragments core by core: the divided ones, then those that are turned. */
export function fragmentPlans(
  { undivided, divided }: CoreLists,
  fragment: number,
  turned: number,
  most: number,
): Share[] {
  const shares: Share[] = [];
  if (fragment === 0) return shares;
  for (const { core, pieces } of [...divided, ...undivided.slice(0, turned)]) {
    for (let k = fragmentsIn(pieces, fragment); k > 0; k -= 1) {
      if (shares.length === most) return shares;
      shares.push({ core, pieces: fragment });
    }
  }
  return shares;
}

interface Slot {
  readonly core: number;
  readonly position: number;
  left: number;
}

/** Each plan takes the `whole` freest cores; then the plans on the busiest cores come first. */
function wholePlans(cores: readonly Core[], whole: number): Share[][] {
  const heap = new Heap<Slot>((a, b) => b.left - a.left || b.core - a.core);
  for (const [position, { core, pieces }] of cores.entries()) {
    const left = wholesIn(pieces);
    if (left > 0) heap.push({ core, position, left });
  }
  const plans: { readonly shares: Share[]; readonly sum: number }[] = [];
  while (plans.length < plansMax && heap.size >= whole) {
    const shares: Share[] = [];
    const again: Slot[] = [];
    let sum = 0;
    while (shares.length < whole) {
      const slot = heap.pop();
      if (slot === undefined) break;
      shares.push({ core: slot.core, pieces: piecesPerCore });
      sum += slot.position;
      slot.left -= 1;
      if (slot.left > 0) again.push(slot);
    }
    for (const slot of again) heap.push(slot);
    plans.push({ shares, sum });
  }
  return plans.sort((a, b) => a.sum - b.sum).map(({ shares }) => shares);
}

function totalFragments(cores: readonly Core[], fragment: number): number {
  let sum = 0;
  for (const { pieces } of cores) sum += fragmentsIn(pieces, fragment);
  return sum;
}

/** How many fragments there are with the first 0, 1, 2 … cores divided too. */
function prefixSums(cores: readonly Core[], fragment: number, start: number): Float64Array {
  const sums = new Float64Array(cores.length + 1);
  sums[0] = start;
  for (const [i, { pieces }] of cores.entries()) {
    sums[i + 1] = (sums[i] ?? 0) + fragmentsIn(pieces, fragment);
  }
  return sums;
}
