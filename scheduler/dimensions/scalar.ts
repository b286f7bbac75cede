/** The arithmetic of amounts, and how scalar dimensions are made. */
import { parseQuantity } from '../../api/quantity.ts';
import type { ScalarDimension } from './dimension.ts';

/** Amounts are doubles: whole numbers up to here are exact, larger ones are taken as this. */
export const maxAmount = Number.MAX_SAFE_INTEGER;

/** Whether `asked` fits into what is free; what is asked is more than zero. */
export function fits(capacity: number, used: number, asked: number): boolean {
  return asked <= capacity - used;
}

/** How many more instances that ask for `asked` fit. */
export function count(capacity: number, used: number, asked: number): number {
  return fits(capacity, used, asked) ? Math.floor((capacity - used) / asked) : 0;
}

/**
 * Parts of a node are counted in millionths (2^-20), so that their sums are exact and the same in whatever order they
 * are made; and of a rounded capacity, so that machines which differ by some pages of memory are of one kind.
 */
export const partUnit = 2 ** 20;

/** To five binary digits: at most 1.6 % off. */
export function nominalCapacity(capacity: number): number {
  if (capacity <= 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(capacity)) - 5);
  return Math.round(capacity / step) * step;
}

/** The part `amount` is of a nominal capacity, in `partUnit`. More than all of it by force only. */
export function partOf(nominal: number, amount: number): number {
  return nominal <= 0 ? 0 : Math.min(4 * partUnit, Math.round((amount * partUnit) / nominal));
}

export interface ScalarOptions {
  readonly name: string;
  readonly covers: (resource: string) => boolean;
  /** How many billionths make the smallest unit: 1e6 for milli-cpu, 1e9 for whole bytes and pieces. */
  readonly nanoPerUnit: bigint;
  readonly format: ScalarDimension['format'];
  readonly reason?: (resource: string) => string;
  readonly implied?: ScalarDimension['implied'];
}

export function scalarDimension(options: ScalarOptions): ScalarDimension {
  const { name, covers, nanoPerUnit, format, implied } = options;
  return {
    type: 'scalar',
    name,
    covers,
    format,
    reason: options.reason ?? ((resource) => `Insufficient ${resource}`),
    parse: (quantity, rounding) => {
      const { nano } = parseQuantity(quantity);
      const extra = rounding === 'up' ? nanoPerUnit - 1n : 0n;
      const units = nano <= 0n ? 0n : (nano + extra) / nanoPerUnit;
      return units > BigInt(maxAmount) ? maxAmount : Number(units);
    },
    ...(implied === undefined ? {} : { implied }),
  };
}

/** 1024-based where it comes out even, else the plain number. */
export function formatBytes(amount: number, round = Math.floor): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let value = amount;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  // At most two decimals: this is told to people; accounts are kept in bytes.
  return `${round(value * 100) / 100}${units[unit]}`;
}
