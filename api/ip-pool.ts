/** What an IPPool says, worked out: the addresses that it gives out, and how claims on them are named. Pure. */
import { type AddressRange, formatIpv4, parseCidr, parseIpv4 } from '../lib/ipv4.ts';
import type { IPPoolSpec } from './kinds.gen.ts';

/** The smallest prefix length that a pool may have. */
export const prefixLengthMin = 8;

/** Disjoint and in order; empty for a segment that cannot be read, which the server does not take. */
export function usableRanges(spec: IPPoolSpec): readonly AddressRange[] {
  const cidr = parseCidr(spec.cidr);
  if (cidr === undefined) return [];
  // The first address names the segment, the last is for all of it at once. Source: RFC 3021 for /31.
  const ends = cidr.prefixLength < 31 ? 1 : 0;
  const all = { first: cidr.first + ends, last: cidr.last - ends };
  const wanted = spec.ranges?.map(rangeOf) ?? [all];
  const within = wanted.flatMap((range) => overlap(range, all) ?? []);
  const left = [...(spec.exclude ?? []), spec.gateway ?? ''].flatMap((text) => block(text) ?? []);
  return left.reduce<readonly AddressRange[]>(
    (ranges, hole) => ranges.flatMap((range) => without(range, hole)),
    merged(within),
  );
}

export function countOf(ranges: readonly AddressRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** One address (`10.0.0.7`) or a block of them (`10.0.0.8/29`). */
export function block(text: string): AddressRange | undefined {
  const address = parseIpv4(text);
  return address === undefined ? parseCidr(text) : { first: address, last: address };
}

export function overlap(a: AddressRange, b: AddressRange): AddressRange | undefined {
  const both = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) };
  return both.first > both.last ? undefined : both;
}

/** Name of the IPAddress; there is one of a name, so there is one holder of an address. */
export function claimName(pool: string, address: number): string {
  return `${pool}.${formatIpv4(address).replaceAll('.', '-')}`;
}

function rangeOf({ first, last }: { readonly first: string; readonly last: string }): AddressRange {
  // What cannot be read is an empty range.
  return { first: parseIpv4(first) ?? 1, last: parseIpv4(last) ?? 0 };
}

function merged(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const result: AddressRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before === undefined || range.first > before.last + 1) result.push(range);
    else result[result.length - 1] = { ...before, last: Math.max(before.last, range.last) };
  }
  return result;
}

function without(range: AddressRange, hole: AddressRange): readonly AddressRange[] {
  if (overlap(range, hole) === undefined) return [range];
  return [
    { first: range.first, last: hole.first - 1 },
    { first: hole.last + 1, last: range.last },
  ].filter(({ first, last }) => first <= last);
}
