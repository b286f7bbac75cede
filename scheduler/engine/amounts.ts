/** Quantities as written become amounts that can be compared. */
import type { Dimensions } from '../dimensions/built-in.ts';
import type { Claim, Quantities } from '../dimensions/dimension.ts';
import { maxAmount } from '../dimensions/scalar.ts';
import type { Amount } from './request.ts';

/** Everything scalar that an instance takes: the larger of what runs together and of any moment before. */
export function amountsOf(claim: Claim, dimensions: Dimensions): readonly Amount[] {
  const most = sum(claim.together, dimensions);
  for (const moment of claim.before) {
    for (const [resource, amount] of sum(moment, dimensions)) {
      most.set(resource, Math.max(amount, most.get(resource) ?? 0));
    }
  }
  for (const { implied } of dimensions.scalar) {
    if (implied !== undefined) most.set(implied.resource, implied.amount);
  }
  return sorted(most);
}

/** What a node offers. */
export function capacityOf(quantities: Quantities, dimensions: Dimensions): readonly Amount[] {
  const offered = new Map<string, number>();
  for (const [resource, quantity] of Object.entries(quantities)) {
    offered.set(resource, dimensions.covering(resource)?.parse(quantity, 'down') ?? 0);
  }
  return sorted(offered);
}

function sum(parts: readonly Quantities[], dimensions: Dimensions): Map<string, number> {
  const total = new Map<string, number>();
  for (const part of parts) {
    for (const [resource, quantity] of Object.entries(part)) {
      const amount = dimensions.covering(resource)?.parse(quantity, 'up') ?? 0;
      total.set(resource, Math.min(maxAmount, (total.get(resource) ?? 0) + amount));
    }
  }
  return total;
}

function sorted(amounts: ReadonlyMap<string, number>): readonly Amount[] {
  return [...amounts]
    .filter(([, amount]) => amount > 0)
    .map(([resource, amount]) => ({ resource, amount }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}
