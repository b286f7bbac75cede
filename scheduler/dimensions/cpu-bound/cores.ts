/** Cores in pieces of 1/100, and what is asked of them. Pure. */

/** A core is sold in so many pieces; a core that is sold twice has 200 of them. */
export const piecesPerCore = 100;

/** How many plans are ever listed for one node; counting goes further. */
export const plansMax = 10_000;

/** Of each core so many pieces are free, by position; fewer than zero is as good as zero. */
export type FreePieces = ArrayLike<number>;

/** So many pieces of one core. */
export interface Share {
  readonly core: number;
  readonly pieces: number;
}

/** The cores of one instance, each at most once, in order of their numbers. */
export type Plan = readonly Share[];

/** Whole cores, and a fragment of one more, which is never spread over several cores. */
export interface CoreRequest {
  readonly whole: number;
  /** 0 to 99 pieces. */
  readonly fragment: number;
}

export interface PlanOptions {
  /** How many cores may be divided into fragments; those that are divided already are always used on. */
  readonly maxShared: number | undefined;
  /** By position: above 0 where somebody has a fragment of the core. Absent: as far as the free pieces tell. */
  readonly fragments?: ArrayLike<number>;
}

/** Thrown for an amount of cores that nobody can be bound to. */
export class CoreRequestError extends Error {
  override readonly name = 'CoreRequestError';
}

/**
 * An amount of cores in pieces, rounded to the nearest. Eru truncates `r * 100` in binary, so 2.3 cores lose a piece.
 * Throws `CoreRequestError` for what is less than one piece: Eru never comes back from that.
 */
export function coreRequest(cores: number): CoreRequest {
  if (!Number.isFinite(cores)) throw new CoreRequestError(`cpu ${cores} is no number of cores`);
  // Six decimals are more than a quantity has that means anything, and take the binary error away.
  const pieces = Math.round(Number((cores * piecesPerCore).toFixed(6)));
  if (cores * piecesPerCore < 1 - 1e-9) {
    throw new CoreRequestError(`cpu ${cores} is less than 0.01, the least that can be bound`);
  }
  return requestOf(pieces);
}

/** The same from whole pieces; at least 1. */
export function requestOf(pieces: number): CoreRequest {
  const fragment = pieces % piecesPerCore;
  return { whole: (pieces - fragment) / piecesPerCore, fragment };
}

/** How many whole cores this core can be for as many instances. */
export function wholesIn(pieces: number): number {
  return pieces <= 0 ? 0 : Math.floor(pieces / piecesPerCore);
}

/** How many fragments fit on this core. */
export function fragmentsIn(pieces: number, fragment: number): number {
  return pieces <= 0 ? 0 : Math.floor(pieces / fragment);
}

/** A plan in its one order. */
export function planOf(shares: Share[]): Plan {
  return shares.sort((a, b) => a.core - b.core);
}

/** Whether somebody has a fragment of this core, as far as its free pieces can tell. */
export function isDivided(pieces: number): boolean {
  return pieces > 0 && pieces % piecesPerCore !== 0;
}

/** The same, where it is known. */
export function isDividedAt(free: FreePieces, core: number, { fragments }: PlanOptions): boolean {
  return fragments === undefined ? isDivided(free[core] ?? 0) : (fragments[core] ?? 0) > 0;
}

/** How many more cores may be divided; Eru panics where more are divided already than may be. */
export function turnsLeft(free: FreePieces, options: PlanOptions): number {
  if (options.maxShared === undefined) return Number.MAX_SAFE_INTEGER;
  let divided = 0;
  for (let core = 0; core < free.length; core += 1) {
    if (isDividedAt(free, core, options)) divided += 1;
  }
  return Math.max(0, options.maxShared - divided);
}

/**
 * The most instances that get `each` different cores, when core i can serve `wholes[i]` of them: the largest t with
 * t * each <= the sum of min(wholes[i], t).
 */
export function distinctGroups(wholes: ArrayLike<number>, each: number): number {
  let groups = Number.MAX_SAFE_INTEGER;
  for (;;) {
    let sum = 0;
    for (let i = 0; i < wholes.length; i += 1) sum += Math.min(wholes[i] ?? 0, groups);
    const fewer = Math.min(groups, Math.floor(sum / each));
    if (fewer === groups) return groups;
    groups = fewer;
  }
}
