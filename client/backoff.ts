import type { Random } from '../lib/random.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Fraction of the delay that is random: 0 = none, 0.5 = between half and all of it. */
  readonly jitter: number;
}

/** The delay before attempt `failures + 1`: doubles from `baseMs` up to `maxMs`, less a random part. */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  const { baseMs, maxMs, jitter } = options;
  const doublings = Math.min(Math.max(failures - 1, 0), 50);
  const fullMs = Math.min(baseMs * 2 ** doublings, maxMs);
  return Math.round(fullMs * (1 - jitter * random.fraction()));
}
