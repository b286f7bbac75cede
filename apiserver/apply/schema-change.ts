/**
 * Brings field sets in line with a schema, which may have changed since they were written.
 * Source: behaviour of sigs.k8s.io/structured-merge-diff v4 as kube-apiserver 1.32 uses it.
 */
import { type FieldSet, isEmpty, leaf, node, union } from './field-set.ts';
import { fieldName, isKeys, type PathElement } from './path-element.ts';
import type { Shape } from './shape.ts';

/**
 * Who owned parts of what is atomic now owns the whole of it. The other direction needs nothing:
 * whole ownership stays as it was.
 */
export function followSchema(shape: Shape, set: FieldSet): FieldSet {
  const { children } = follow(shape, set, false);
  return { owned: false, children };
}

function follow(shape: Shape, set: FieldSet, atomic: boolean): FieldSet {
  const { map, scalar, list } = shape;
  if (map !== undefined) {
    if (map.untyped) return set;
    if (map.atomic) return atomic || set.children.size === 0 ? set : leaf;
    return descend(set, (element) => {
      const name = fieldName(element);
      return name === undefined ? undefined : map.child(name);
    });
  }
  if (scalar !== undefined || list === undefined) return set;
  if (list.merge === 'atomic') return atomic ? set : leaf;
  return descend(set, () => list.item());
}

function descend(set: FieldSet, shapeAt: (element: PathElement) => Shape | undefined): FieldSet {
  return node(
    set.owned,
    [...set.children].map(([element, child]) => {
      const shape = shapeAt(element);
      if (shape === undefined) return [element, child];
      return [element, follow(shape, child, child.owned && child.children.size === 0)];
    }),
  );
}

/**
 * The set with every declared field on the way to a member made a member too: a struct goes when
 * nobody owns anything in it.
 */
export function withDeclaredParents(shape: Shape | undefined, set: FieldSet): FieldSet {
  if (set.children.size === 0) return set;
  return node(
    set.owned,
    [...set.children].map(([element, child]) => {
      const name = fieldName(element);
      const below = withDeclaredParents(childShape(shape, element), child);
      const declared = name !== undefined && shape?.map?.has(name) === true && !isEmpty(below);
      return [element, declared ? union(below, leaf) : below];
    }),
  );
}

function childShape(shape: Shape | undefined, element: PathElement): Shape | undefined {
  const name = fieldName(element);
  if (name !== undefined) return shape?.map?.child(name);
  return isKeys(element) ? shape?.list?.item() : undefined;
}
