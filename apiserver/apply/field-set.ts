/**
 * Sets of paths: what a manager owns, what a change touched. A tree in which every node may itself be
 * a member; immutable, so that parts are shared freely. FieldsV1 is its written form.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { type PathElement, parsePathElement, sortByElement } from './path-element.ts';
import { isObject } from './values.ts';

/** The empty path is never a member: `owned` of a root is false. */
export interface FieldSet {
  /** Whether the path that leads here is a member. */
  readonly owned: boolean;
  readonly children: ReadonlyMap<PathElement, FieldSet>;
}

/** Deeper sets are refused; no schema comes near. */
export const maxFieldSetDepth = 500;

export const emptySet: FieldSet = { owned: false, children: new Map() };

/** A member without anything below. */
export const leaf: FieldSet = { owned: true, children: new Map() };

/** A node, leaving out children that hold nothing. */
export function node(
  owned: boolean,
  children: Iterable<readonly [PathElement, FieldSet]>,
): FieldSet {
  const kept = new Map<PathElement, FieldSet>();
  for (const [element, child] of children) if (!isEmpty(child)) kept.set(element, child);
  if (kept.size === 0) return owned ? leaf : emptySet;
  return { owned, children: kept };
}

/** A set of the given paths. */
export function setOf(...paths: readonly (readonly PathElement[])[]): FieldSet {
  return paths.reduce((set, path) => union(set, chain(path)), emptySet);
}

/** Whether nothing is a member. */
export function isEmpty(set: FieldSet): boolean {
  return !set.owned && set.children.size === 0;
}

/** Whether exactly this path is a member. */
export function hasPath(set: FieldSet, path: readonly PathElement[]): boolean {
  let at: FieldSet | undefined = set;
  for (const element of path) at = at?.children.get(element);
  return at?.owned ?? false;
}

/** Members of either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const other = children.get(element);
    children.set(element, other === undefined ? child : union(other, child));
  }
  return { owned: a.owned || b.owned, children };
}

/** Members of both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children: [PathElement, FieldSet][] = [];
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other !== undefined) children.push([element, intersection(child, other)]);
  }
  return node(a.owned && b.owned, children);
}

/** Members of `a` that are not members of `b`; what lies below a member of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a) || isEmpty(b)) return a;
  const children: [PathElement, FieldSet][] = [];
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    children.push([element, other === undefined ? child : difference(child, other)]);
  }
  return node(a.owned && !b.owned, children);
}

/** As `difference`, but a member of `b` also takes away everything below it. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (b.owned) return emptySet;
  const children: [PathElement, FieldSet][] = [];
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    children.push([element, other === undefined ? child : recursiveDifference(child, other)]);
  }
  return node(a.owned, children);
}

/** Whether both hold the same paths. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a.owned !== b.owned || a.children.size !== b.children.size) return false;
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other === undefined || !equalSets(child, other)) return false;
  }
  return true;
}

/** Every member, a node's own members before what lies below them, as upstream lists conflicts. */
export function paths(set: FieldSet): PathElement[][] {
  const sorted = sortedChildren(set);
  const own = sorted.filter(([, child]) => child.owned).map(([element]) => [element]);
  const below = sorted.flatMap(([element, child]) =>
    paths(child).map((path) => [element, ...path]),
  );
  return [...own, ...below];
}

/** FieldsV1: steps in order; `.` marks a member that also has members below. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const fields: JsonObject = {};
  if (set.owned && set.children.size > 0) fields['.'] = {};
  for (const [element, child] of sortedChildren(set)) fields[element] = toFieldsV1(child);
  return fields;
}

/** The inverse of `toFieldsV1`; takes any order. Throws `Error` on what is malformed. */
export function fromFieldsV1(fields: JsonValue | undefined): FieldSet {
  if (fields === undefined || fields === null) return emptySet;
  const set = read(fields, 0);
  return { owned: false, children: set.children };
}

function read(fields: JsonValue | undefined, depth: number): FieldSet {
  if (fields === null || fields === undefined) return leaf;
  if (!isObject(fields)) throw new Error('fieldsV1 holds something that is not an object');
  if (depth > maxFieldSetDepth) throw new Error('fieldsV1 is too deep');
  const children: [PathElement, FieldSet][] = [];
  let owned = false;
  for (const [key, below] of Object.entries(fields)) {
    if (key === '.') {
      owned = true;
      continue;
    }
    const element = parsePathElement(key);
    if (element !== undefined) children.push([element, read(below, depth + 1)]);
  }
  // `{}` is a member; an object with steps is one only when it says so.
  return node(owned || children.length === 0, children);
}

function chain(path: readonly PathElement[]): FieldSet {
  const [first, ...rest] = path;
  return first === undefined ? leaf : node(false, [[first, chain(rest)]]);
}

function sortedChildren(set: FieldSet): [PathElement, FieldSet][] {
  return sortByElement(set.children);
}
