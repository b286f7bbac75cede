/** How the items of a list are told apart, and which form of a shape a value takes. */
import type { JsonValue } from '../../api/meta.ts';
import { keysElement, type PathElement, valueElement } from './path-element.ts';
import type { ListShape, Shape } from './shape.ts';
import { field, isList, isObject, isScalar } from './values.ts';

/** The step that leads to an item of a `set` or `map` list; `error` has upstream's words. */
export type ItemStep = { readonly element: PathElement } | { readonly error: string };

/** @see ItemStep */
export function itemStep(list: ListShape, item: JsonValue): ItemStep {
  if (list.merge === 'atomic') return { error: 'invalid indexing of non-associative list' };
  return list.keys.length > 0 ? keyedStep(list, item) : memberStep(item);
}

function keyedStep(list: ListShape, item: JsonValue): ItemStep {
  if (item === null) return { error: 'associative list with keys may not have a null element' };
  if (!isObject(item)) return { error: 'associative list with keys may not have non-map elements' };
  const map = list.item().map;
  const keys: [string, JsonValue][] = [];
  for (const name of list.keys) {
    const value = field(item, name) ?? map?.defaultOf(name);
    if (value !== undefined) keys.push([name, value]);
  }
  // Single keys may be missing: the schema may have got them after the object was written.
  if (keys.length > 0) return { element: keysElement(keys) };
  const missing = JSON.stringify(list.keys[0] ?? '');
  return {
    error:
      `associative list with keys has an element that omits key field ${missing} ` +
      "(and doesn't have default value)",
  };
}

function memberStep(item: JsonValue): ItemStep {
  if (isObject(item)) {
    return { error: "associative list without keys has an element that's a map type" };
  }
  if (isList(item)) return { error: 'not supported: associative list with lists as elements' };
  if (item === null) {
    return { error: "associative list without keys has an element that's an explicit null" };
  }
  return { element: valueElement(item) };
}

/** `shape` reduced to the form that `value` has, if the shape allows that form. */
export function formOf(shape: Shape, value: JsonValue | undefined): Shape {
  if (isScalar(value)) return shape.scalar === undefined ? shape : { scalar: shape.scalar };
  if (isList(value)) return shape.list === undefined ? shape : { list: shape.list };
  if (isObject(value)) return shape.map === undefined ? shape : { map: shape.map };
  return shape;
}

/** Whether two reductions of one shape are the same. */
export function sameForm(a: Shape, b: Shape): boolean {
  return a.scalar === b.scalar && a.list === b.list && a.map === b.map;
}

/** Findings for a scalar, in upstream's words; absent and null always fit. */
export function scalarError(
  scalar: NonNullable<Shape['scalar']>,
  value: JsonValue | undefined,
): string | undefined {
  if (value === undefined || value === null) return undefined;
  const type = typeof value;
  switch (scalar) {
    case 'numeric':
      if (type === 'number' || type === 'bigint') return undefined;
      return `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return type === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return type === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    default:
      return type !== 'object' ? undefined : `expected any scalar, got &{${goText(value)}}`;
  }
}

/** As Go's `%v` prints decoded JSON. */
export function goText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return '<nil>';
  if (isList(value)) return `[${value.map(goText).join(' ')}]`;
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${goText(value[key])}`).join(' ')}]`;
  }
  return String(value);
}

function goType(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (isList(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Number.isInteger(Number(value)) ? 'int64' : 'float64';
}

/** As Go's `%#v` prints decoded JSON. */
function goSyntax(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return 'interface {}(nil)';
  if (typeof value === 'string') return JSON.stringify(value);
  if (isList(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    const fields = keys.map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`);
    return `map[string]interface {}{${fields.join(', ')}}`;
  }
  return String(value);
}
