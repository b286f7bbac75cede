/**
 * Values under a shape: do they fit, which paths do they hold, and how do two of them differ.
 * `undefined` is absent, `null` is a value that may take any form.
 * Source: behaviour of sigs.k8s.io/structured-merge-diff v4 as kube-apiserver 1.32 uses it.
 */
import type { JsonValue } from '../../api/meta.ts';
import { emptySet, type FieldSet, leaf, node, union } from './field-set.ts';
import { formOf, goText, itemStep, sameForm, scalarError } from './items.ts';
import { fieldElement, formatPathElement, type PathElement } from './path-element.ts';
import type { ListShape, MapShape, Shape } from './shape.ts';
import { type Finding, TypedError, under } from './typed-error.ts';
import { entries, equal, field, isList, isObject } from './values.ts';

/** Throws `TypedError` unless `value` fits; `duplicates` allows list items with equal keys. */
export function validate(
  shape: Shape,
  value: JsonValue,
  { duplicates = false }: { readonly duplicates?: boolean } = {},
): void {
  const findings = check(shape, value, duplicates);
  if (findings.length > 0) throw new TypedError(findings);
}

function check(shape: Shape, value: JsonValue, duplicates: boolean): Finding[] {
  const form = formOf(shape, value);
  if (form.map !== undefined) {
    if (value === null) return [];
    if (!isObject(value)) return [at(`expected map, got &{${goText(value)}}`)];
    return checkMap(form.map, value, duplicates);
  }
  if (form.scalar !== undefined) {
    const error = scalarError(form.scalar, value);
    return error === undefined ? [] : [at(error)];
  }
  if (form.list === undefined || value === null) return [];
  if (!isList(value)) return [at(`expected list, got &{${goText(value)}}`)];
  return checkList(form.list, value, duplicates);
}

function checkMap(
  map: MapShape,
  value: { readonly [field: string]: JsonValue | undefined },
  duplicates: boolean,
): Finding[] {
  const findings: Finding[] = [];
  for (const [key, item] of entries(value)) {
    const child = map.child(key);
    if (child === undefined) {
      return [...findings, { path: `.${key}`, message: 'field not declared in schema' }];
    }
    findings.push(...under(`.${key}`, check(child, item, duplicates)));
  }
  return findings;
}

function checkList(list: ListShape, value: readonly JsonValue[], duplicates: boolean): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<PathElement>();
  const shape = list.item();
  for (const [i, item] of value.entries()) {
    let element = `i:${i}`;
    if (list.merge !== 'atomic') {
      const step = itemStep(list, item);
      if ('error' in step) return [...findings, at(`element ${i}: ${step.error}`)];
      element = step.element;
      if (seen.has(element) && !duplicates) {
        findings.push(at(`duplicate entries for key ${formatPathElement(element)}`));
      }
      seen.add(element);
    }
    findings.push(...under(formatPathElement(element), check(shape, item, duplicates)));
  }
  return findings;
}

function at(message: string): Finding {
  return { path: '', message };
}

/** Every path that `value` sets; atomic lists and maps count as one. */
export function toFieldSet(shape: Shape, value: JsonValue): FieldSet {
  const { children } = setOfValue(shape, value);
  return { owned: false, children };
}

function setOfValue(shape: Shape, value: JsonValue): FieldSet {
  const form = formOf(shape, value);
  if (form.map !== undefined) {
    if (form.map.atomic) return leaf;
    return isObject(value) ? setOfMap(form.map, value) : emptySet;
  }
  if (form.scalar !== undefined) return leaf;
  if (form.list === undefined) return emptySet;
  if (form.list.merge === 'atomic') return leaf;
  return isList(value) ? setOfList(form.list, value) : emptySet;
}

function setOfMap(
  map: MapShape,
  value: { readonly [field: string]: JsonValue | undefined },
): FieldSet {
  const children: [PathElement, FieldSet][] = [];
  for (const [key, item] of entries(value)) {
    const below = setOfValue(map.child(key) ?? {}, item);
    const blank = item === null || (isObject(item) && entries(item).length === 0);
    // The keys of a free map are themselves owned, the fields of a struct are not.
    const owned = blank || !map.has(key);
    children.push([fieldElement(key), owned ? union(below, leaf) : below]);
  }
  return node(false, children);
}

function setOfList(list: ListShape, value: readonly JsonValue[]): FieldSet {
  const found = new Map<PathElement, FieldSet>();
  const shape = list.item();
  for (const item of value) {
    const step = itemStep(list, item);
    if ('error' in step) continue;
    // Items that cannot be told apart are owned as one.
    const twice = found.has(step.element);
    found.set(step.element, twice ? leaf : union(setOfValue(shape, item), leaf));
  }
  return node(false, found);
}

/** Which paths came, changed and went between two values. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const same: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

/** Throws `TypedError` when neither side fits the shape. */
export function compare(shape: Shape, left: JsonValue, right: JsonValue): Comparison {
  const findings: Finding[] = [];
  const { added, modified, removed } = compareValues(shape, { left, right }, findings);
  if (findings.length > 0) throw new TypedError(findings);
  const root = ({ children }: FieldSet): FieldSet => ({ owned: false, children });
  return { added: root(added), modified: root(modified), removed: root(removed) };
}

interface Pair {
  readonly left: JsonValue | undefined;
  readonly right: JsonValue | undefined;
}

function compareValues(shape: Shape, pair: Pair, findings: Finding[]): Comparison {
  const { left, right } = pair;
  // An absent side takes the form of the other.
  const leftForm = formOf(shape, left);
  const rightForm = right === undefined ? leftForm : formOf(shape, right);
  const result = compareAs(rightForm, pair, findings);
  if (left === undefined || right === undefined || sameForm(leftForm, rightForm)) return result;
  return join(compareAs(leftForm, pair, findings), result);
}

function compareAs(form: Shape, pair: Pair, findings: Finding[]): Comparison {
  if (form.map !== undefined) return compareMaps(form.map, pair, findings);
  if (form.scalar !== undefined) {
    const wrong = [scalarError(form.scalar, pair.left), scalarError(form.scalar, pair.right)];
    const [left, right] = wrong;
    if (left === undefined || right === undefined) return compareLeaves(pair);
    findings.push(at(`lhs: ${left}`), at(`rhs: ${right}`));
    return same;
  }
  if (form.list === undefined) return same;
  return compareLists(form.list, pair, findings);
}

function compareLeaves({ left, right }: Pair): Comparison {
  if (left === undefined) return { ...same, added: leaf };
  if (right === undefined) return { ...same, removed: leaf };
  return equal(left, right) ? same : { ...same, modified: leaf };
}

function compareMaps(map: MapShape, pair: Pair, findings: Finding[]): Comparison {
  const left = isObject(pair.left) ? pair.left : undefined;
  const right = isObject(pair.right) ? pair.right : undefined;
  const blank = entries(left).length === 0 && entries(right).length === 0;
  // Empty and null are told apart, so they count as values.
  if (map.atomic || blank) return compareLeaves(pair);
  const keys = new Set([...entries(left), ...entries(right)].map(([key]) => key));
  const children: [PathElement, Comparison][] = [];
  for (const key of keys) {
    const inner: Finding[] = [];
    const values = { left: field(left, key), right: field(right, key) };
    children.push([fieldElement(key), compareValues(map.child(key) ?? {}, values, inner)]);
    findings.push(...under(`.${key}`, inner));
  }
  return gather(pair, children);
}

function compareLists(list: ListShape, pair: Pair, findings: Finding[]): Comparison {
  const left = isList(pair.left) ? pair.left : [];
  const right = isList(pair.right) ? pair.right : [];
  if (list.merge === 'atomic' || (left.length === 0 && right.length === 0)) {
    return compareLeaves(pair);
  }
  const lefts = byStep(list, left, findings);
  const rights = byStep(list, right, findings);
  const children: [PathElement, Comparison][] = [];
  for (const element of new Set([...lefts.keys(), ...rights.keys()])) {
    const items = { left: lefts.get(element) ?? [], right: rights.get(element) ?? [] };
    const inner: Finding[] = [];
    children.push([element, compareItems(list.item(), items, inner)]);
    findings.push(...under(formatPathElement(element), inner));
  }
  return gather(pair, children);
}

/** Items that cannot be told apart are compared as one value. */
function compareItems(
  shape: Shape,
  { left, right }: { readonly left: readonly JsonValue[]; readonly right: readonly JsonValue[] },
  findings: Finding[],
): Comparison {
  if (left.length <= 1 && right.length <= 1) {
    return compareValues(shape, { left: left[0], right: right[0] }, findings);
  }
  if (left.length > 1 && right.length > 1) {
    return equal(left, right) ? same : { ...same, modified: leaf };
  }
  const one = { left: left.length > 1 ? undefined : left[0], right: undefined };
  if (left.length > 1) {
    const gone: Comparison = { ...same, removed: leaf };
    if (right.length === 0) return gone;
    return join(gone, compareValues(shape, { left: undefined, right: right[0] }, findings));
  }
  const come: Comparison = { ...same, added: leaf };
  return one.left === undefined ? come : join(come, compareValues(shape, one, findings));
}

function byStep(
  list: ListShape,
  items: readonly JsonValue[],
  findings: Finding[],
): Map<PathElement, JsonValue[]> {
  const found = new Map<PathElement, JsonValue[]>();
  for (const [i, item] of items.entries()) {
    const step = itemStep(list, item);
    if ('error' in step) {
      findings.push(at(`element ${i}: ${step.error}`));
      continue;
    }
    const known = found.get(step.element);
    if (known === undefined) found.set(step.element, [item]);
    else known.push(item);
  }
  return found;
}

/** The comparison of a node from those of its children; the node itself came or went as a whole. */
function gather(
  { left, right }: Pair,
  children: readonly (readonly [PathElement, Comparison])[],
): Comparison {
  return {
    added: node(
      left === undefined,
      children.map(([e, c]) => [e, c.added]),
    ),
    modified: node(
      false,
      children.map(([e, c]) => [e, c.modified]),
    ),
    removed: node(
      right === undefined,
      children.map(([e, c]) => [e, c.removed]),
    ),
  };
}

function join(a: Comparison, b: Comparison): Comparison {
  return {
    added: union(a.added, b.added),
    modified: union(a.modified, b.modified),
    removed: union(a.removed, b.removed),
  };
}
