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

/** The part in use after the placement. */
export function score(capacity: number, used: number, asked: number): number {
  return (used + asked) / capacity;
}

export interface ScalarOptions {
  readonly name: string;
  readonly covers: (resource: string) => boolean;
  /** How many billionths make the smallest unit: 1e6 for milli-cpu, 1e9 for whole bytes and pieces. */
  readonly nanoPerUnit: bigint;
  readonly format: (amount: number) => string;
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
export function formatBytes(amount: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let value = amount;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  // At most two decimals: this is told to people; accounts are kept in bytes.
  return `${Math.floor(value * 100) / 100}${units[unit]}`;
}
