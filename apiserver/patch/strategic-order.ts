/**
 * The order of a merged list: the patch's own order where it says one, the server's otherwise.
 * Source: Kubernetes apimachinery v0.32, `pkg/util/strategicpatch/patch.go`,
 * `normalizeElementOrder`.
 */
import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import { stringifyJson } from '../wire/json.ts';
import { isObject } from './detach.ts';
import { goValue } from './go-value.ts';

/** A text that is equal for elements that are the same; `1` and `"1"` are not. */
export function sameElement(value: JsonValue): string {
  return stringifyJson(value, { sortKeys: true });
}

/**
 * Sorts `merged`: what `patchOrder` names stands in that order, the rest as in `serverOrder`, and
 * the two interleave where the server's order allows it.
 */
export function orderMerged(
  merged: readonly JsonValue[],
  patchOrder: readonly JsonValue[],
  serverOrder: readonly JsonValue[],
  mergeKey: string,
): readonly JsonValue[] {
  const identify = identity(mergeKey);
  const wanted = places(patchOrder, identify);
  const served = places(serverOrder, identify);
  const ours: JsonValue[] = [];
  const theirs: JsonValue[] = [];
  for (const item of merged) (wanted.has(identify(item)) ? ours : theirs).push(item);
  sortBy(ours, wanted, identify);
  sortBy(theirs, served, identify);
  const result: JsonValue[] = [];
  let next = 0;
  for (const item of ours) {
    const place = served.get(identify(item));
    for (; place !== undefined && next < theirs.length; next += 1) {
      const other = theirs[next];
      const before = other === undefined ? undefined : served.get(identify(other));
      if (other === undefined || before === undefined || before >= place) break;
      result.push(other);
    }
    result.push(item);
  }
  return [...result, ...theirs.slice(next)];
}

/** The order list must name the patched elements in the order in which the patch has them. */
export function checkOrderList(
  patch: readonly JsonValue[],
  order: readonly JsonValue[],
  mergeKey: string,
): void {
  if (order.length === 0) return;
  const identify = identity(mergeKey);
  const live = patch.filter((item) => !(isObject(item) && item['$patch'] !== undefined));
  let next = 0;
  for (const item of order) {
    const expected = live[next];
    if (expected === undefined) break;
    if (isDeepStrictEqual(identify(expected), identify(item))) next += 1;
  }
  if (next >= live.length) return;
  const message =
    `The order in patch list:\n${goValue(patch)}\n doesn't match ` +
    `$setElementOrder list:\n${goValue(order)}\n`;
  throw new StatusError(500, '', message);
}

type Identify = (item: JsonValue) => string;

function identity(mergeKey: string): Identify {
  return (item) => {
    if (mergeKey === '' || !isObject(item)) return sameElement(item);
    const key = item[mergeKey];
    if (key !== undefined) return sameElement(key);
    const message = `map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`;
    throw new StatusError(500, '', message);
  };
}

function places(items: readonly JsonValue[], identify: Identify): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [i, item] of items.entries()) {
    const key = identify(item);
    if (!found.has(key)) found.set(key, i);
  }
  return found;
}

function sortBy(items: JsonValue[], order: ReadonlyMap<string, number>, identify: Identify): void {
  const last = order.size;
  const rank = (item: JsonValue) => order.get(identify(item)) ?? last;
  items.sort((a, b) => rank(a) - rank(b));
}
