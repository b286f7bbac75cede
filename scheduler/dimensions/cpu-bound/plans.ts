/** How often an instance fits on the cores of a node, and which cores each would get. Pure. */
import {
  type CoreRequest,
  type FreePieces,
  fragmentsIn,
  isDivided,
  isDividedAt,
  type Plan,
  type PlanOptions,
  piecesPerCore,
  turnsLeft,
  wholesIn,
} from './cores.ts';
import { bestSplit, isolatedPlans, listCores } from './isolated.ts';
import { mixedPlans, mostMixed } from './mixed.ts';

/** How many more instances fit; counted, not built. */
export function countPlans(free: FreePieces, request: CoreRequest, options: PlanOptions): number {
  const simple = countSingleSold(free, request, options);
  if (simple !== undefined) return simple;
  return mostMixed(free, request, options, bestSplit(listCores(free, options), request).count);
}

/** Whether one more instance fits: answered without counting. */
export function fitsOnce(free: FreePieces, request: CoreRequest, options: PlanOptions): boolean {
  const { whole, fragment } = request;
  let wholes = 0;
  for (let i = 0; i < free.length; i += 1) if (wholesIn(free[i] ?? 0) > 0) wholes += 1;
  if (fragment === 0) return wholes >= whole;
  if (wholes < whole) return false;
  const mayTurn = turnsLeft(free, options) > 0;
  for (let i = 0; i < free.length; i += 1) {
    const pieces = free[i] ?? 0;
    if (pieces < fragment || !(mayTurn || isDividedAt(free, i, options))) continue;
    // The core with the fragment is none of the whole ones.
    if (wholesIn(pieces) === 0 || wholes > whole) return true;
  }
  return false;
}

/**
 * As many plans as fit, at most `plansMax`. Whole-core instances and fragments are kept apart where that costs
 * nothing; where it does, they share cores that are sold more than once.
 */
export function corePlans(free: FreePieces, request: CoreRequest, options: PlanOptions): Plan[] {
  const lists = listCores(free, options);
  const split = bestSplit(lists, request);
  const simple = countSingleSold(free, request, options);
  const most = simple ?? mostMixed(free, request, options, split.count);
  if (most > split.count) return mixedPlans(free, request, options, most);
  return isolatedPlans(lists, request, split);
}

/**
 * The closed form where no core is sold more than once: so many full cores, so many fragments, and the best number of
 * full ones to divide. Undefined when one is sold more often, or is divided and does not look so.
 */
function countSingleSold(
  free: FreePieces,
  { whole, fragment }: CoreRequest,
  options: PlanOptions,
): number | undefined {
  let full = 0;
  let fragments = 0;
  for (let i = 0; i < free.length; i += 1) {
    const pieces = free[i] ?? 0;
    if (pieces > piecesPerCore) return undefined;
    if (pieces > 0 && isDividedAt(free, i, options) !== isDivided(pieces)) return undefined;
    if (pieces === piecesPerCore) full += 1;
    else if (fragment > 0) fragments += fragmentsIn(pieces, fragment);
  }
  if (fragment === 0) return Math.floor(full / whole);
  const perCore = Math.floor(piecesPerCore / fragment);
  const turns = Math.min(full, turnsLeft(free, options));
  if (whole === 0) return fragments + turns * perCore;
  let best = 0;
  for (let turned = 0; turned <= turns; turned += 1) {
    const wholes = Math.floor((full - turned) / whole);
    if (wholes <= best) break;
    best = Math.max(best, Math.min(wholes, fragments + turned * perCore));
  }
  return best;
}
