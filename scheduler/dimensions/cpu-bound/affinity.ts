/** New cores for an instance that changes its size: those it has, as far as they still fit. Pure. */
import {
  type CoreRequest,
  type FreePieces,
  fragmentsIn,
  isDivided,
  type Plan,
  type PlanOptions,
  piecesPerCore,
  planOf,
  type Share,
  turnsLeft,
  wholesIn,
} from './cores.ts';
import { bestSplit, type Core, type CoreLists, fragmentPlans, listCores } from './isolated.ts';

/**
 * The cores to move to; undefined when it does not fit. `free` is what is free when the instance has given back
 * `held`. Cores held whole come first for whole cores, cores held in part first for the fragment; a core that is whole
 * beats affinity.
 */
export function planNear(
  free: FreePieces,
  held: Plan,
  request: CoreRequest,
  options: PlanOptions,
): Plan | undefined {
  const lists = heldFirst(listCores(free, options), held);
  return isolatedNear(lists, request) ?? mixedNear(free, held, request, options);
}

/** What is free when the instance has given back what it holds. */
export function givenBack(free: FreePieces, held: Plan): number[] {
  const pieces = Array.from(free);
  for (const { core, pieces: back } of held) {
    while (pieces.length <= core) pieces.push(0);
    pieces[core] = Math.max(0, pieces[core] ?? 0) + back;
  }
  return pieces;
}

/** Whole cores are cut off the list one after the other, unlike for new instances: the held ones stay together. */
function isolatedNear(lists: CoreLists, request: CoreRequest): Plan | undefined {
  const split = splitInOrder(lists, request);
  if (split === undefined) return undefined;
  const shares: Share[] = lists.undivided
    .slice(split, split + request.whole)
    .map(({ core }) => ({ core, pieces: piecesPerCore }));
  return planOf([...shares, ...fragmentPlans(lists, request.fragment, split, 1)]);
}

/** How many cores from the front of the list are divided; undefined when no plan comes out. */
function splitInOrder(lists: CoreLists, request: CoreRequest): number | undefined {
  const { undivided, divided } = lists;
  const { whole, fragment } = request;
  if (whole === 0 || fragment === 0) {
    const { count, turned } = bestSplit(lists, request);
    return count > 0 ? turned : undefined;
  }
  const turns = Math.min(lists.turns, undivided.length - whole);
  let fragments = 0;
  for (const { pieces } of divided) fragments += fragmentsIn(pieces, fragment);
  let best = 0;
  let chosen: number | undefined;
  for (let turned = 0; turned <= turns; turned += 1) {
    const count = Math.min(sequentialGroups(undivided.slice(turned), whole), fragments);
    if (count > best) {
      best = count;
      chosen = turned;
    }
    fragments += fragmentsIn(undivided[turned]?.pieces ?? 0, fragment);
  }
  return chosen;
}

/** How many plans come off the list when it is cut in groups of `whole` cores, and what is left of them again. */
function sequentialGroups(cores: readonly Core[], whole: number): number {
  let left = cores.map(({ pieces }) => wholesIn(pieces));
  let plans = 0;
  while (left.length >= whole) {
    const groups = Math.floor(left.length / whole);
    const used = groups * whole;
    // As long as no core runs out, the next round cuts the same groups.
    const times = Math.min(...left.slice(0, used));
    plans += groups * times;
    left = left.map((count, i) => (i < used ? count - times : count)).filter((count) => count > 0);
  }
  return plans;
}

function heldFirst({ undivided, divided, turns }: CoreLists, held: Plan): CoreLists {
  const wholes = held.filter(({ pieces }) => pieces > 0 && !isDivided(pieces));
  const parts = held.filter(({ pieces }) => isDivided(pieces));
  return { undivided: withFirst(undivided, wholes), divided: withFirst(divided, parts), turns };
}

/** Held cores in the order of a list of their own: least held first. */
function withFirst(list: readonly Core[], held: Plan): readonly Core[] {
  const order = [...held].sort((a, b) => a.pieces - b.pieces || a.core - b.core);
  const first = order.flatMap(({ core }) => list.find((entry) => entry.core === core) ?? []);
  return [...first, ...list.filter((entry) => !first.includes(entry))];
}

/** One plan on cores that are sold more than once, where keeping fragments and whole cores apart finds none. */
function mixedNear(
  free: FreePieces,
  held: Plan,
  { whole, fragment }: CoreRequest,
  options: PlanOptions,
): Plan | undefined {
  const cores = Array.from(free, (pieces, core) => ({ core, pieces }));
  const heldPieces = new Map(held.map(({ core, pieces }) => [core, pieces]));
  const mayTurn = turnsLeft(free, options) > 0;
  const wholes = cores.filter(({ pieces }) => wholesIn(pieces) > 0);
  wholes.sort(
    (a, b) => (heldPieces.get(b.core) ?? 0) - (heldPieces.get(a.core) ?? 0) || least(a, b),
  );
  const hosts: (Core | undefined)[] =
    fragment === 0
      ? [undefined]
      : cores.filter(({ pieces }) => pieces >= fragment && (mayTurn || isDivided(pieces)));
  // The fragment stays where one is held, and keeps off cores that are held whole.
  const rank = ({ core, pieces }: Core) => {
    const own = heldPieces.get(core) ?? 0;
    if (own > 0) return isDivided(own) ? 0 : 3;
    return isDivided(pieces) ? 1 : 2;
  };
  hosts.sort((a, b) => (a === undefined || b === undefined ? 0 : rank(a) - rank(b) || least(a, b)));
  for (const host of hosts) {
    const others = wholes.filter((core) => core !== host).slice(0, whole);
    if (others.length < whole) continue;
    const shares: Share[] = others.map(({ core }) => ({ core, pieces: piecesPerCore }));
    if (host !== undefined) shares.push({ core: host.core, pieces: fragment });
    return planOf(shares);
  }
  return undefined;
}

function least(a: Core, b: Core): number {
  return a.pieces - b.pieces || a.core - b.core;
}
