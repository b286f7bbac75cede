/**
 * One step into an object, in the notation of FieldsV1: `f:spec` is a field, `k:{"port":80}` the list
 * item with these keys, `v:"a"` the member of a set, `i:0` the item at a place.
 * Source: Kubernetes API reference, FieldsV1 v1 meta; KEP-555 (server-side apply).
 */
import type { JsonValue } from '../../api/meta.ts';
import { parseJson } from '../wire/json.ts';
import { compareText, isObject } from './values.ts';

/** Canonical: equal steps are equal texts, whatever order the keys stood in. */
export type PathElement = string;

/** `spec` → `f:spec`. */
export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** `[['port', 80]]` → `k:{"port":80}`. */
export function keysElement(keys: readonly (readonly [string, JsonValue])[]): PathElement {
  return `k:${canonical(Object.fromEntries(keys))}`;
}

/** `'a'` → `v:"a"`. */
export function valueElement(value: JsonValue): PathElement {
  return `v:${canonical(value)}`;
}

/** The name of an `f:` step; `undefined` for the other sorts. */
export function fieldName(element: PathElement): string | undefined {
  return element.startsWith('f:') ? element.slice(2) : undefined;
}

/** Whether the step goes to a list item by its keys. */
export function isKeys(element: PathElement): boolean {
  return element.startsWith('k:');
}

/**
 * Brings a step as it came over the wire into canonical form. `undefined` for a sort we do not know,
 * which readers pass over as upstream does; throws `Error` when a known sort is malformed.
 */
export function parsePathElement(text: string): PathElement | undefined {
  const rest = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
      return text;
    case 'k:': {
      const keys = parseJson(rest).value;
      if (!isObject(keys)) throw new Error(`keys of a list item are not an object: ${rest}`);
      return `k:${canonical(keys)}`;
    }
    case 'v:':
      return `v:${canonical(parseJson(rest).value)}`;
    case 'i:': {
      if (!/^-?\d{1,15}$/.test(rest)) throw new Error(`place in a list is not a number: ${rest}`);
      return `i:${Number(rest)}`;
    }
    default:
      return undefined;
  }
}

const sorts = 'fkvi';

/** In the order upstream writes them: fields, keys, values, places; each by its content. */
export function sortByElement<T>(all: Iterable<readonly [PathElement, T]>): [PathElement, T][] {
  // Keys and values are parsed once, not once for each comparison.
  return [...all]
    .map(([element, rest]) => ({ element, rest, content: contentOf(element) }))
    .sort(
      (a, b) =>
        sorts.indexOf(a.element.charAt(0)) - sorts.indexOf(b.element.charAt(0)) ||
        compareValues(a.content, b.content),
    )
    .map(({ element, rest }) => [element, rest]);
}

function contentOf(element: PathElement): JsonValue {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return rest;
    case 'i':
      return Number(rest);
    default:
      return parseJson(rest).value;
  }
}

/** `.spec.ports[port=80,protocol="TCP"]`, as messages name a path. */
export function formatPath(path: readonly PathElement[]): string {
  return path.map(formatPathElement).join('');
}

/** `.spec`, `[port=80]`, `[="a"]` or `[0]`. */
export function formatPathElement(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${rest}`;
    case 'k': {
      const keys = parseJson(rest).value;
      if (!isObject(keys)) return `[${rest}]`;
      const parts = Object.entries(keys).map(([name, v]) => `${name}=${display(v ?? null)}`);
      return `[${parts.join(',')}]`;
    }
    case 'v':
      return `[=${display(parseJson(rest).value)}]`;
    default:
      return `[${rest}]`;
  }
}

/** JSON with the keys of every object sorted. */
function canonical(value: JsonValue): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => compareText(a, b));
  return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v ?? null)}`).join(',')}}`;
}

function display(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(display).join(',')}]`;
  if (isObject(value)) {
    const fields = Object.entries(value).map(([k, v]) => `${k}=${display(v ?? null)}`);
    return `{${fields.join(';')}}`;
  }
  return canonical(value);
}

/** Numbers before strings, booleans, lists, maps and null. */
function rank(value: JsonValue): number {
  if (value === null) return 5;
  if (typeof value === 'number' || typeof value === 'bigint') return 0;
  if (typeof value === 'string') return 1;
  if (typeof value === 'boolean') return 2;
  return Array.isArray(value) ? 3 : 4;
}

function compareValues(a: JsonValue, b: JsonValue): number {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return compareSequences(a, b, compareValues);
  if (isObject(a) && isObject(b)) {
    return compareSequences(Object.entries(a), Object.entries(b), ([k, v], [l, w]) =>
      k === l ? compareValues(v ?? null, w ?? null) : compareText(k, l),
    );
  }
  if (a === null || b === null || a === b) return 0;
  return a < b ? -1 : 1;
}

function compareSequences<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const [left, right] = [a[i], b[i]];
    if (left === undefined || right === undefined) continue;
    const order = compare(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
