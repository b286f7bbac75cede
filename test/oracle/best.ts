/** The exact optimum of bound CPU plans, by all that each core can do: slow, and written apart from what it judges. */

export interface CpuCase {
  readonly free: readonly number[];
  readonly whole: number;
  readonly fragment: number;
  /** How many cores may be divided; -1 = any number. */
  readonly maxshare: number;
}

/** More steps than this are not taken for one answer. */
const stepsMax = 20_000_000;

/** The most plans; undefined when that would take too long to find out this way. */
export function bestCount(given: CpuCase): number | undefined {
  const { free, whole, fragment } = given;
  const pieces = free.reduce((sum, left) => sum + Math.max(0, left), 0);
  let possible = 0;
  let impossible = Math.floor(pieces / (whole * 100 + fragment)) + 1;
  const fragments = fragment === 0 ? 0 : Math.min(impossible, Math.max(0, ...free) / fragment);
  const states = (fragment === 0 ? 1 : impossible) * (turnsOf(given) + 1);
  if (free.length * states * (fragments + 1) > stepsMax) return undefined;
  while (impossible - possible > 1) {
    const middle = Math.floor((possible + impossible) / 2);
    if (isPossible(given, middle)) possible = middle;
    else impossible = middle;
  }
  return possible;
}

/**
 * Whether `plans` plans fit. Core by core it keeps the most wholes that go with so many fragments, and with so many
 * cores divided for them; no core can be in more plans than there are.
 */
function isPossible(given: CpuCase, plans: number): boolean {
  const { free, whole, fragment, maxshare } = given;
  const turns = turnsOf(given);
  const needed = fragment > 0 ? plans : 0;
  const width = needed + 1;
  let best = new Float64Array(width * (turns + 1)).fill(-1);
  best[0] = 0;
  for (const left of free) {
    const next = new Float64Array(best.length).fill(-1);
    const turn = maxshare >= 0 && left % 100 === 0 ? 1 : 0;
    for (const [state, before] of best.entries()) {
      if (before < 0) continue;
      const turned = Math.floor(state / width);
      const missing = needed - (state % width);
      const most = fragment > 0 ? Math.min(missing, Math.floor(Math.max(0, left) / fragment)) : 0;
      for (let f = 0; f <= most && (f === 0 || turned + turn <= turns); f += 1) {
        const wholes = Math.min(plans - f, Math.floor((left - f * fragment) / 100));
        const to = state + f + (f > 0 ? turn * width : 0);
        next[to] = Math.max(next[to] ?? -1, before + Math.max(0, wholes));
      }
    }
    best = next;
  }
  return best.some((wholes, state) => state % width === needed && wholes >= plans * whole);
}

/** How many cores may be divided besides those that are. */
function turnsOf({ free, maxshare }: CpuCase): number {
  const divided = free.filter((left) => left > 0 && left % 100 !== 0).length;
  return maxshare < 0 ? 0 : Math.min(free.length, Math.max(0, maxshare - divided));
}
