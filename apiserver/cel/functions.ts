/** How functions are declared: a signature, what it does, and what it costs. */
import { parseType, splitTypes, type Type } from './types.ts';
import {
  Duration,
  isObjectValue,
  isOpaque,
  ListValue,
  MapValue,
  OptionalValue,
  sizeOf,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.ts';

/** The arguments' types are as the signature says. */
export type Implementation = (...args: never[]) => Value;

/**
 * Cost from the sizes of the arguments and of the result; grows with them, so that it serves for
 * estimates, too. Absent = 1.
 */
export type Cost = (sizes: readonly number[], result: number) => number;

export interface Overload {
  readonly name: string;
  readonly member: boolean;
  readonly params: readonly Type[];
  readonly result: Type;
  readonly run: Implementation;
  /** Absent = 1. */
  readonly cost: Cost | undefined;
  /** The first argument is gone through to its leaves, and that is the cost. */
  readonly traverses: boolean;
}

export type Functions = ReadonlyMap<string, readonly Overload[]>;

export interface Declared {
  readonly cost?: Cost;
  readonly traverses?: boolean;
}

/** `size(list(A)): int` declares a function, `<string>.contains(string): bool` a method. */
export function declare(signature: string, run: Implementation, declared: Declared = {}): Overload {
  const match = /^(?:<(.+)>\.)?([^<(][^(]*|_<_|_<=_|_>_|_>=_)\((.*)\): (.+)$/.exec(signature);
  if (match === null) throw new Error(`no signature: ${signature}`);
  const [, target, name = '', params = '', result = ''] = match;
  const given = splitTypes(params).map(parseType);
  return {
    name,
    member: target !== undefined,
    params: target === undefined ? given : [parseType(target), ...given],
    result: parseType(result),
    run,
    cost: declared.cost,
    traverses: declared.traverses === true,
  };
}

export function byName(overloads: readonly Overload[]): Functions {
  const functions = new Map<string, Overload[]>();
  for (const overload of overloads) {
    const known = functions.get(overload.name) ?? [];
    known.push(overload);
    functions.set(overload.name, known);
  }
  return functions;
}

/** Whether a value may be given where `type` is wanted; what is inside of lists and maps is not seen. */
export function accepts(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'error':
    case 'param':
      return true;
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'uint':
      return value instanceof Uint;
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'null':
      return value === null;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    case 'list':
      return value instanceof ListValue && firstFits(type.element, value);
    case 'map':
      return value instanceof MapValue || (value !== null && isObjectValue(value));
    case 'object':
      return value !== null && isObjectValue(value);
    case 'type':
      return value instanceof TypeValue;
    case 'opaque':
      if (type.name === 'optional_type') return value instanceof OptionalValue;
      return isOpaque(value) && value.typeName === type.name;
  }
}

/** The first item tells lists of one scalar from those of another. */
function firstFits(element: Type, { items }: ListValue): boolean {
  const [first] = items;
  return first === undefined || accepts(element, first);
}

const stringFactor = 0.1;
const regexFactor = 0.25;

function at(sizes: readonly number[], index: number): number {
  return sizes[index] ?? 1;
}

/** A text is gone through once, or `times`. */
export function traversal(times = 1): Cost {
  return (sizes) => Math.ceil(at(sizes, 0) * times * stringFactor);
}

/** The shorter of two is gone through. */
export const comparison: Cost = (sizes) =>
  Math.ceil(Math.min(at(sizes, 0), at(sizes, 1)) * stringFactor);

export const concatenation: Cost = (sizes) =>
  Math.ceil((at(sizes, 0) + at(sizes, 1)) * stringFactor);

export const containment: Cost = (sizes) =>
  Math.ceil(at(sizes, 0) * stringFactor) * Math.ceil(at(sizes, 1) * stringFactor);

/** One is added, so that an expensive expression costs something with an empty text, too. */
export const matching: Cost = (sizes) =>
  Math.ceil((1 + at(sizes, 0)) * stringFactor) * Math.ceil(at(sizes, 1) * regexFactor);

export const joining: Cost = (_, result) => Math.ceil(result * 2 * stringFactor);

/** What going through a value to its leaves costs. */
export function traversalCost(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return Math.floor(sizeOf(value) * stringFactor);
  if (value instanceof ListValue)
    return value.items.reduce<number>((sum, item) => sum + traversalCost(item), 0);
  if (value instanceof MapValue) {
    let sum = 0;
    for (const [key, each] of value.entries()) sum += traversalCost(key) + traversalCost(each);
    return sum;
  }
  return 1;
}
