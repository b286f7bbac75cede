/**
 * Cuts paths out of a value.
 * Source: behaviour of sigs.k8s.io/structured-merge-diff v4 as kube-apiserver 1.32 uses it.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { type FieldSet, isEmpty } from './field-set.ts';
import { formOf, itemStep } from './items.ts';
import { fieldElement } from './path-element.ts';
import type { ListShape, MapShape, Shape } from './shape.ts';
import { entries, isList, isObject } from './values.ts';

/** `value` without the members of `set`; `null` when nothing is left. */
export function removeItems(shape: Shape, value: JsonValue, set: FieldSet): JsonValue {
  const form = formOf(shape, value);
  // An atomic value of which a part should go, goes.
  if (form.map !== undefined) {
    return isObject(value) && !form.map.atomic ? removeFields(form.map, value, set) : null;
  }
  if (form.scalar !== undefined) return value;
  if (form.list === undefined || form.list.merge === 'atomic' || !isList(value)) return null;
  return removeFromList(form.list, value, set);
}

function removeFields(
  map: MapShape,
  value: { readonly [field: string]: JsonValue | undefined },
  set: FieldSet,
): JsonValue {
  const kept: JsonObject = {};
  for (const [key, item] of entries(value)) {
    const below = set.children.get(fieldElement(key));
    if (below?.owned) continue;
    kept[key] =
      below === undefined || isEmpty(below) ? item : removeItems(map.child(key) ?? {}, item, below);
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

function removeFromList(list: ListShape, value: readonly JsonValue[], set: FieldSet): JsonValue {
  const kept: JsonValue[] = [];
  for (const item of value) {
    const step = itemStep(list, item);
    const below = 'error' in step ? undefined : set.children.get(step.element);
    if (below?.owned) continue;
    kept.push(below === undefined || isEmpty(below) ? item : removeItems(list.item(), item, below));
  }
  return kept.length > 0 ? kept : null;
}
