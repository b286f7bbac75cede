/** What of a node may be given to instances. Pure. */
import type { Node } from '../../api/kinds.gen.ts';
import {
  capacityAnnotation,
  factorOf,
  oversellAnnotation,
  reservedAnnotation,
  salesOf,
} from '../../api/node-sales.ts';
import { isQuantity } from '../../api/quantity.ts';
import type { Dimensions } from '../dimensions/built-in.ts';
import { maxAmount } from '../dimensions/scalar.ts';
import { capacityOf } from './amounts.ts';
import { oversellOf } from './node-cores.ts';
import type { Amount } from './request.ts';

/** What its status says, or people in its place, less what is reserved, as many times as it is sold. */
export function soldOf({ metadata, status }: Node, dimensions: Dimensions): readonly Amount[] {
  const { annotations = {} } = metadata;
  const amounts = (annotation: string) => {
    const given = [...salesOf(annotations[annotation])].filter(([, value]) => isQuantity(value));
    return Object.fromEntries(given);
  };
  const all = { ...status?.allocatable, ...amounts(capacityAnnotation) };
  const reserved = new Map(
    capacityOf(amounts(reservedAnnotation), dimensions).map((each) => [each.resource, each.amount]),
  );
  const factors = salesOf(annotations[oversellAnnotation]);
  const cpuTimes = oversellOf({ metadata });
  return capacityOf(all, dimensions).map(({ resource, amount }) => {
    const times = resource === 'cpu' ? cpuTimes : (factorOf(factors.get(resource) ?? '') ?? 1);
    const left = Math.max(0, amount - (reserved.get(resource) ?? 0));
    return { resource, amount: Math.min(maxAmount, Math.floor(left * times)) };
  });
}
