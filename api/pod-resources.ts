/**
 * What a whole pod asks for: the sum over its containers, and more while an init container needs it.
 * Source: Kubernetes component-helpers v0.32, `resource/helpers.go`.
 */
import { asObject, asString, at, objectsOf } from './json.ts';
import type { JsonObject } from './meta.ts';
import { isQuantity, parseQuantity, type Quantity } from './quantity.ts';

/** By the name of the resource. */
export type Amounts = ReadonlyMap<string, Quantity>;

/** The amounts of a field such as `resources.requests`; what is no amount is left out. */
export function amountsOf(list: unknown): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, amount] of Object.entries(asObject(list as JsonObject) ?? {})) {
    if ((typeof amount === 'string' || typeof amount === 'number') && isQuantity(amount))
      amounts.set(name, parseQuantity(amount));
  }
  return amounts;
}

/** `requests` or `limits` of a pod's spec; requests include its overhead. */
export function podAmounts(spec: JsonObject, list: 'requests' | 'limits'): Amounts {
  const sum = new Map<string, Quantity>();
  for (const container of objectsOf(spec['containers'])) addTo(sum, ofContainer(container, list));
  const sidecars = new Map<string, Quantity>();
  let starting: Map<string, Quantity> = new Map();
  for (const container of objectsOf(spec['initContainers'])) {
    const own = ofContainer(container, list);
    if (asString(container['restartPolicy']) === 'Always') {
      // A sidecar runs beside all that come after it.
      addTo(sum, own);
      addTo(sidecars, own);
      starting = larger(starting, sidecars);
    } else {
      const needed = new Map(own);
      addTo(needed, sidecars);
      starting = larger(starting, needed);
    }
  }
  const total = larger(sum, starting);
  // A limit that is not set stays so.
  for (const [name, amount] of amountsOf(spec['overhead']))
    if (list === 'requests' || total.has(name)) addTo(total, new Map([[name, amount]]));
  return total;
}

function ofContainer(container: JsonObject, list: 'requests' | 'limits'): Amounts {
  return amountsOf(at(container, 'resources', list));
}

function addTo(sum: Map<string, Quantity>, more: Amounts): void {
  for (const [name, amount] of more) sum.set(name, sum.get(name)?.add(amount) ?? amount);
}

function larger(a: Amounts, b: Amounts): Map<string, Quantity> {
  const most = new Map(a);
  for (const [name, amount] of b) {
    const known = most.get(name);
    if (known === undefined || known.cmp(amount) < 0) most.set(name, amount);
  }
  return most;
}
