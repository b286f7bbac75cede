/**
 * The most plans where cores are sold several times and a core may serve whole-core instances and fragments side by
 * side: exact, by a search over how many of either each core serves. Eru leaves such room unused.
 */
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

/** Steps of one search. Nodes sold so often that it would take more keep to their isolated plans. */
const stepsMax = 20_000_000;

/** How many instances each core serves with all of it, and how many with a fragment. */
interface Service {
  readonly wholes: Int32Array;
  readonly fragments: Int32Array;
}

/** No set of plans is larger: by whole cores, by fragments, and by pieces. */
export function upperBound(free: FreePieces, request: CoreRequest, options: PlanOptions): number {
  const { whole, fragment } = request;
  const wholes = Array.from(free, wholesIn);
  const byWholes = whole === 0 ? Number.MAX_SAFE_INTEGER : distinctGroups(wholes, whole);
  if (fragment === 0) return byWholes;
  const usable = usableForFragments(free, fragment, options);
  if (whole === 0) return usable;
  let pieces = 0;
  for (let i = 0; i < free.length; i += 1) pieces += Math.max(0, free[i] ?? 0);
  const byPieces = Math.floor(pieces / (whole * piecesPerCore + fragment));
  return Math.min(byWholes, usable, byPieces);
}

/** Fragments on the divided cores, and on as many of the others as may be divided: the roomiest. */
function usableForFragments(free: FreePieces, fragment: number, options: PlanOptions): number {
  let sum = 0;
  for (const core of roomiestTurns(free, options)) sum += fragmentsIn(free[core] ?? 0, fragment);
  return sum;
}

/** The most plans, of which `atLeast` are known to be possible. */
export function mostMixed(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  atLeast: number,
): number {
  let low = atLeast;
  let high = upperBound(free, request, options);
  if (request.whole === 0 || request.fragment === 0) return Math.max(low, high);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (serviceFor(free, request, options, middle) === undefined) high = middle - 1;
    else low = middle;
  }
  return low;
}

/** So many plans; fewer only above `plansMax`. */
export function mixedPlans(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  count: number,
): Plan[] {
  const most = Math.min(count, plansMax);
  if (most === 0) return [];
  const service = serviceOf(free, request, options, most);
  return service === undefined ? [] : dealOut(service, request, most);
}

function serviceOf(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  count: number,
): Service | undefined {
  const { whole, fragment } = request;
  if (whole > 0 && fragment > 0) return serviceFor(free, request, options, count);
  const none = new Int32Array(free.length);
  if (fragment === 0) {
    return { wholes: Int32Array.from(Array.from(free, wholesIn)), fragments: none };
  }
  const order = roomiestTurns(free, options);
  const fragments = none.slice();
  let left = count;
  for (const core of order) {
    fragments[core] = Math.min(left, fragmentsIn(free[core] ?? 0, fragment));
    left -= fragments[core] ?? 0;
  }
  return { wholes: none, fragments };
}

/** Divided cores, then those that may be divided, the roomiest first: they make the most of few. */
function roomiestTurns(free: FreePieces, options: PlanOptions): number[] {
  const cores = Array.from(free, (_, core) => core).filter((core) => (free[core] ?? 0) > 0);
  const divided = cores.filter((core) => isDividedAt(free, core, options));
  const others = cores
    .filter((core) => !isDividedAt(free, core, options))
    .sort((a, b) => (free[b] ?? 0) - (free[a] ?? 0));
  return [...divided, ...others.slice(0, turnsLeft(free, options))];
}

/**
 * A service for exactly `plans` plans, or undefined: over all cores at least plans * whole wholes and at least `plans`
 * fragments, no core more than `plans` times. Core by core it keeps, for each number of wholes (and of turned cores)
 * so far, the most fragments that can go with them.
 */
function serviceFor(
  free: FreePieces,
  request: CoreRequest,
  options: PlanOptions,
  plans: number,
): Service | undefined {
  const { whole, fragment } = request;
  const need = plans * whole;
  const cores = Array.from(free);
  const mayTurn = cores.map((left, core) => left > 0 && !isDividedAt(free, core, options));
  const turnable = mayTurn.filter(Boolean).length;
  const turns = turnsLeft(free, options);
  // Where all may be divided nobody needs to count them.
  const counted = turns < turnable;
  const levels = counted ? turns : 0;
  const costsTurn = (core: number) => counted && mayTurn[core] === true;
  const width = need + 1;
  const size = width * (levels + 1);
  let steps = 0;
  for (const left of cores) steps += (Math.min(plans, wholesIn(left)) + 1) * size * 2;
  if (steps > stepsMax) return undefined;

  let best = new Int32Array(size).fill(-1);
  best[0] = 0;
  const choices: Int32Array[] = [];
  for (const [core, left] of cores.entries()) {
    const next = new Int32Array(size).fill(-1);
    const choice = new Int32Array(size).fill(-1);
    const mostWholes = Math.min(plans, wholesIn(left));
    const turnsCore = costsTurn(core);
    for (let state = 0; state < size; state += 1) {
      const before = best[state] ?? -1;
      if (before < 0) continue;
      const wholesBefore = state % width;
      for (let w = 0; w <= mostWholes && wholesBefore + w <= need; w += 1) {
        const room = Math.min(plans - w, fragmentsIn(left - w * piecesPerCore, fragment));
        const plain = turnsCore ? 0 : room;
        improve(next, choice, state + w, before + plain, state * 2);
        const turned = state + w + width;
        if (turnsCore && room > 0 && turned < size) {
          improve(next, choice, turned, before + room, state * 2 + 1);
        }
      }
    }
    choices.push(choice);
    best = next;
  }
  for (let state = need; state < size; state += width) {
    if ((best[state] ?? -1) >= plans)
      return traceBack({ free, request, plans, width, state, costsTurn, choices });
  }
  return undefined;
}

function improve(
  next: Int32Array,
  choice: Int32Array,
  state: number,
  value: number,
  from: number,
): void {
  if (value <= (next[state] ?? -1)) return;
  next[state] = value;
  choice[state] = from;
}

interface Trace {
  readonly free: FreePieces;
  readonly request: CoreRequest;
  readonly plans: number;
  readonly width: number;
  readonly state: number;
  /** Whether a core must have been turned to have fragments. */
  costsTurn(core: number): boolean;
  readonly choices: readonly Int32Array[];
}

function traceBack(trace: Trace): Service {
  const { free, request, plans, width, choices } = trace;
  const wholes = new Int32Array(free.length);
  const fragments = new Int32Array(free.length);
  let state = trace.state;
  const turnedAt = new Uint8Array(free.length);
  for (let core = free.length - 1; core >= 0; core -= 1) {
    const from = choices[core]?.[state] ?? 0;
    const before = from >> 1;
    turnedAt[core] = from & 1;
    wholes[core] = (state % width) - (before % width);
    state = before;
  }
  let left = plans;
  for (let core = 0; core < free.length; core += 1) {
    const pieces = free[core] ?? 0;
    const w = wholes[core] ?? 0;
    if (trace.costsTurn(core) && turnedAt[core] !== 1) continue;
    const room = fragmentsIn(pieces - w * piecesPerCore, request.fragment);
    const share = Math.max(0, Math.min(left, plans - w, room));
    fragments[core] = share;
    left -= share;
  }
  return { wholes, fragments };
}

/**
 * Deals the services out to plans so that no plan has a core twice. A core that serves as many as there are plans left
 * must be in the next; with those taken the rest always comes out (edge colouring of a bipartite graph, König).
 */
function dealOut(service: Service, { whole, fragment }: CoreRequest, count: number): Plan[] {
  const wholes = trimmed(service.wholes, count, count * whole);
  const fragments = service.fragments.slice();
  const plans: Plan[] = [];
  for (let left = count; left > 0; left -= 1) {
    const next = dealOne(wholes, fragments, whole, fragment, left);
    if (next === undefined) return plans;
    for (const { core, pieces } of next) {
      const from = pieces === piecesPerCore ? wholes : fragments;
      from[core] = (from[core] ?? 0) - 1;
    }
    plans.push(planOf(next));
  }
  return plans;
}

/** No core in more plans than there are, and no more in all than are needed; the busiest give up last. */
function trimmed(wholes: Int32Array, perCore: number, needed: number): Int32Array {
  const kept = wholes.map((count) => Math.min(count, perCore));
  let surplus = kept.reduce((sum, count) => sum + count, 0) - needed;
  for (let core = kept.length - 1; core >= 0 && surplus > 0; core -= 1) {
    const less = Math.min(surplus, kept[core] ?? 0);
    kept[core] = (kept[core] ?? 0) - less;
    surplus -= less;
  }
  return kept;
}

function dealOne(
  wholes: Int32Array,
  fragments: Int32Array,
  whole: number,
  fragment: number,
  left: number,
): Share[] | undefined {
  const load = (core: number) => (wholes[core] ?? 0) + (fragments[core] ?? 0);
  const byLoad = Array.from(wholes, (_, core) => core).sort((a, b) => load(b) - load(a) || a - b);
  const candidates = fragment === 0 ? [-1] : byLoad.filter((core) => (fragments[core] ?? 0) > 0);
  for (const chosen of candidates) {
    const others = byLoad
      .filter((core) => core !== chosen && (wholes[core] ?? 0) > 0)
      .slice(0, whole);
    const missed = byLoad.some(
      (core) => load(core) === left && core !== chosen && !others.includes(core),
    );
    if (missed || others.length < whole) continue;
    const shares: Share[] = others.map((core) => ({ core, pieces: piecesPerCore }));
    if (chosen >= 0) shares.push({ core: chosen, pieces: fragment });
    return shares;
  }
  return undefined;
}
