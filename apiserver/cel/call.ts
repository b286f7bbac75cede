/** Picking, calling and pricing of functions. */
import { accepts, type Overload, traversalCost } from './functions.ts';
import { CelError, sizeOf, type Value } from './values.ts';

/** Which of several functions is meant is only known by the values where types are dynamic. */
export function chosen(overloads: readonly Overload[], values: readonly Value[]): Overload {
  for (const overload of overloads) {
    let fits = true;
    for (let i = 0; fits && i < values.length; i += 1) {
      const param = overload.params[i];
      fits = param !== undefined && accepts(param, values[i] ?? null);
    }
    if (fits) return overload;
  }
  throw new CelError('no such overload');
}

export function costOf(overload: Overload, values: readonly Value[], result: Value): number {
  if (overload.traverses) return traversalCost(values[0] ?? null);
  return overload.cost === undefined ? 1 : overload.cost(values.map(sizeOf), sizeOf(result));
}

export function invoke(overload: Overload, values: readonly Value[]): Value {
  // The arguments have just been measured against the overload's signature.
  return (overload.run as (...args: readonly Value[]) => Value)(...values);
}
