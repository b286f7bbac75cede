/**
 * Two values into one: the right one wins where both speak, lists keep the left one's order as far
 * as the right one's allows.
 * Source: behaviour of sigs.k8s.io/structured-merge-diff v4 as kube-apiserver 1.32 uses it.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { formOf, itemStep, sameForm, scalarError } from './items.ts';
import { formatPathElement, type PathElement } from './path-element.ts';
import type { ListShape, MapShape, Shape } from './shape.ts';
import { type Finding, TypedError, under } from './typed-error.ts';
import { entries, field, isList, isObject } from './values.ts';

/** Throws `TypedError` when a list of `right` cannot be merged. */
export function merge(shape: Shape, left: JsonValue, right: JsonValue): JsonValue | undefined {
  const findings: Finding[] = [];
  const merged = mergeValues(shape, { left, right }, findings);
  if (findings.length > 0) throw new TypedError(findings);
  return merged;
}

interface Pair {
  readonly left: JsonValue | undefined;
  readonly right: JsonValue | undefined;
}

function mergeValues(shape: Shape, pair: Pair, findings: Finding[]): JsonValue | undefined {
  const { left, right } = pair;
  if (left === undefined) return right;
  if (right === undefined) return left;
  const leftForm = formOf(shape, left);
  const rightForm = formOf(shape, right);
  // A change of form: the left form is only looked at for what cannot be merged.
  if (!sameForm(leftForm, rightForm)) mergeAs(leftForm, pair, findings);
  return mergeAs(rightForm, pair, findings);
}

function mergeAs(form: Shape, pair: Pair, findings: Finding[]): JsonValue | undefined {
  if (form.map !== undefined) return mergeMaps(form.map, pair, findings);
  if (form.scalar !== undefined) {
    const left = scalarError(form.scalar, pair.left);
    const right = scalarError(form.scalar, pair.right);
    if (left === undefined || right === undefined) return takeRight(pair);
    findings.push({ path: '', message: `lhs: ${left}` }, { path: '', message: `rhs: ${right}` });
    return undefined;
  }
  return form.list === undefined ? undefined : mergeLists(form.list, pair, findings);
}

function takeRight({ left, right }: Pair): JsonValue | undefined {
  return right === undefined ? left : right;
}

function mergeMaps(map: MapShape, pair: Pair, findings: Finding[]): JsonValue | undefined {
  const left = isObject(pair.left) ? pair.left : undefined;
  const right = isObject(pair.right) ? pair.right : undefined;
  const blank = entries(left).length === 0 && entries(right).length === 0;
  // Nothing to go into: this keeps null and empty apart.
  if (map.atomic || blank) return takeRight(pair);
  const merged: JsonObject = {};
  for (const key of new Set([...entries(left), ...entries(right)].map(([name]) => name))) {
    const inner: Finding[] = [];
    const values = { left: field(left, key), right: field(right, key) };
    const value = mergeValues(map.child(key) ?? {}, values, inner);
    if (value !== undefined) merged[key] = value;
    findings.push(...under(`.${key}`, inner));
  }
  return Object.keys(merged).length > 0 ? merged : undefined;
}

function mergeLists(list: ListShape, pair: Pair, findings: Finding[]): JsonValue | undefined {
  const left = isList(pair.left) ? pair.left : [];
  const right = isList(pair.right) ? pair.right : [];
  if (list.merge === 'atomic' || (left.length === 0 && right.length === 0)) return takeRight(pair);
  const errors: Finding[] = [];
  const rights = index(list, right, { duplicates: false, findings: errors });
  const lefts = index(list, left, { duplicates: true, findings: errors });
  if (errors.length > 0) {
    findings.push(...errors);
    return undefined;
  }
  const merged = interleave(lefts, rights, ({ element, left, right }) => {
    const inner: Finding[] = [];
    const value = mergeValues(list.item(), { left, right }, inner);
    findings.push(...under(formatPathElement(element), inner));
    return value;
  });
  return merged.length > 0 ? merged : undefined;
}

/** The items of a list in order; `items` has those that can be told apart. */
interface Indexed {
  readonly order: readonly { readonly element: PathElement; readonly item: JsonValue }[];
  readonly items: ReadonlyMap<PathElement, JsonValue | undefined>;
}

function index(
  list: ListShape,
  values: readonly JsonValue[],
  { duplicates, findings }: { readonly duplicates: boolean; readonly findings: Finding[] },
): Indexed {
  const order: { element: PathElement; item: JsonValue }[] = [];
  const items = new Map<PathElement, JsonValue | undefined>();
  for (const [i, item] of values.entries()) {
    const step = itemStep(list, item);
    if ('error' in step) {
      findings.push({ path: '', message: `element ${i}: ${step.error}` });
      continue;
    }
    const { element } = step;
    const twice = items.has(element);
    if (twice && !duplicates) {
      const message = `duplicate entries for key ${formatPathElement(element)}`;
      findings.push({ path: '', message });
      continue;
    }
    items.set(element, twice ? undefined : item);
    order.push({ element, item });
  }
  return { order, items };
}

interface ListItemPair extends Pair {
  readonly element: PathElement;
}

/**
 * Walks both lists at once. Items of only one side keep their place; items of both sides come in the
 * right one's order, and those of the left that wait for their turn are passed over.
 */
function interleave(
  left: Indexed,
  right: Indexed,
  mergeItem: (pair: ListItemPair) => JsonValue | undefined,
): JsonValue[] {
  const merged: JsonValue[] = [];
  const shared = right.order.filter(({ element }) => left.items.has(element));
  const done = new Set<PathElement>();
  const take = (pair: ListItemPair) => {
    const value = mergeItem(pair);
    if (value !== undefined) merged.push(value);
  };
  let [l, r, s] = [0, 0, 0];
  while (l < left.order.length || r < right.order.length) {
    const ours = left.order[l];
    const theirs = right.order[r];
    if (ours !== undefined && !right.items.has(ours.element)) {
      take({ element: ours.element, left: ours.item, right: undefined });
      l += 1;
      continue;
    }
    if (ours !== undefined && ours.element !== theirs?.element) {
      // Shared, but another shared item comes first, or it has been merged already.
      const waits =
        theirs !== undefined && s < shared.length && shared[s]?.element !== ours.element;
      if (waits || theirs === undefined) {
        l += 1;
        continue;
      }
      if (done.has(ours.element)) l += 1;
    }
    if (theirs === undefined) continue;
    done.add(theirs.element);
    const { element, item } = theirs;
    take({ element, left: left.items.get(element), right: item });
    r += 1;
    if (ours?.element === element) l += 1;
    if (shared[s]?.element === element) s += 1;
  }
  return merged;
}
