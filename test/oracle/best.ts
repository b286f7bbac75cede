/** The exact optimum of bound CPU plans, by plain recursion: slow, and written apart from what it judges. */

export interface CpuCase {
  readonly free: readonly number[];
  readonly whole: number;
  readonly fragment: number;
  /** How many cores may be divided; -1 = any number. */
  readonly maxshare: number;
}

/** More answers to remember than this are not asked for. */
const memoMax = 3_000_000;

/** The most plans; undefined when that would take too long to find out this way. */
export function bestCount(given: CpuCase): number | undefined {
  const { free, whole, fragment } = given;
  const pieces = free.reduce((sum, left) => sum + Math.max(0, left), 0);
  let most = Math.floor(pieces / (whole * 100 + fragment));
  const states = free.length * (most * whole + 1) * (fragment > 0 ? most + 1 : 1);
  if (states > memoMax) return undefined;
  while (most > 0 && !isPossible(given, most)) most -= 1;
  return most;
}

/** Whether `plans` plans fit: cores in order, each takes so many wholes and so many fragments. */
function isPossible({ free, whole, fragment, maxshare }: CpuCase, plans: number): boolean {
  const divided = free.filter((left) => left > 0 && left % 100 !== 0).length;
  const turnsAtFirst = maxshare < 0 ? free.length : Math.max(0, maxshare - divided);
  const known = new Set<string>();
  const visit = (core: number, wholes: number, fragments: number, turns: number): boolean => {
    if (wholes <= 0 && fragments <= 0) return true;
    const left = free[core];
    if (left === undefined) return false;
    const key = `${core} ${wholes} ${fragments} ${turns}`;
    if (known.has(key)) return false;
    for (let w = 0; w <= Math.min(plans, Math.floor(Math.max(0, left) / 100)); w += 1) {
      const room = fragment === 0 ? 0 : Math.floor(Math.max(0, left - 100 * w) / fragment);
      const f = Math.min(plans - w, room);
      const needsTurn = left % 100 === 0;
      if (visit(core + 1, wholes - w, fragments, turns)) return true;
      if (f > 0 && (!needsTurn || turns > 0)) {
        if (visit(core + 1, wholes - w, fragments - f, turns - (needsTurn ? 1 : 0))) return true;
      }
    }
    known.add(key);
    return false;
  };
  return visit(0, plans * whole, fragment > 0 ? plans : 0, turnsAtFirst);
}
