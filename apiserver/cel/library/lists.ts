/**
 * Lists, sets and optional values.
 * Source: Kubernetes `apiserver/pkg/cel/library/lists.go`, cel-go `ext/sets.go`, `cel/optionals`.
 */
import { type Cost, declare, type Overload } from '../functions.ts';
import {
  CelError,
  Duration,
  equalValues,
  ListValue,
  MapValue,
  none,
  OptionalValue,
  sizeOf,
  Timestamp,
  Uint,
  type Value,
} from '../values.ts';
import { compareValues, int } from './standard.ts';

const comparable = ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'timestamp', 'duration'];

export const listLibrary: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    declare(`<list(${type})>.isSorted(): bool`, isSorted, { traverses: true }),
    declare(`<list(${type})>.min(): ${type}`, (list: ListValue) => extreme(list, 'min', -1), {
      traverses: true,
    }),
    declare(`<list(${type})>.max(): ${type}`, (list: ListValue) => extreme(list, 'max', 1), {
      traverses: true,
    }),
  ]),
  ...['int', 'uint', 'double', 'duration'].map((type) =>
    declare(`<list(${type})>.sum(): ${type}`, (list: ListValue) => sum(list, type), {
      traverses: true,
    }),
  ),
  declare('<list(A)>.indexOf(A): int', indexOf, { traverses: true }),
  declare('<list(A)>.lastIndexOf(A): int', lastIndexOf, { traverses: true }),
  ...sets(),
  ...optionals(),
];

function isSorted({ items }: ListValue): boolean {
  return items.every((item, i) => i === 0 || (compareValues(items[i - 1] ?? null, item) ?? 1) <= 0);
}

function extreme({ items }: ListValue, name: string, sign: number): Value {
  const [first, ...rest] = items;
  if (first === undefined) throw new CelError(`${name} called on empty list`);
  return rest.reduce<Value>(
    (best, item) => ((compareValues(item, best) ?? 0) * sign > 0 ? item : best),
    first,
  );
}

function sum({ items }: ListValue, type: string): Value {
  if (type === 'double') return items.reduce<number>((all, item) => all + Number(item), 0);
  const total = items.reduce<bigint>((all, item) => {
    if (typeof item === 'bigint') return int(all + item);
    if (item instanceof Uint) return all + item.value;
    return item instanceof Duration ? all + item.nanos : all;
  }, 0n);
  if (type === 'uint') return new Uint(total);
  return type === 'duration' ? new Duration(total) : total;
}

function indexOf({ items }: ListValue, item: Value): bigint {
  return BigInt(items.findIndex((each) => equalValues(each, item)));
}

function lastIndexOf({ items }: ListValue, item: Value): bigint {
  return BigInt(items.findLastIndex((each) => equalValues(each, item)));
}

function sets(): Overload[] {
  const pairs: Cost = ([a = 1, b = 1]) => 1 + a * b;
  const twice: Cost = ([a = 1, b = 1]) => 1 + 2 * a * b;
  const has = (list: ListValue, item: Value) => list.items.some((each) => equalValues(each, item));
  const all = (a: ListValue, b: ListValue) => b.items.every((item) => has(a, item));
  return [
    declare('sets.contains(list(A), list(A)): bool', all, { cost: pairs }),
    declare(
      'sets.intersects(list(A), list(A)): bool',
      (a: ListValue, b: ListValue) => b.items.some((item) => has(a, item)),
      { cost: pairs },
    ),
    declare(
      'sets.equivalent(list(A), list(A)): bool',
      (a: ListValue, b: ListValue) => all(a, b) && all(b, a),
      { cost: twice },
    ),
  ];
}

function optionals(): Overload[] {
  return [
    declare('optional.of(A): optional(A)', (value: Value) => new OptionalValue(value)),
    declare('optional.none(): optional(A)', () => none),
    declare('optional.ofNonZeroValue(A): optional(A)', (value: Value) =>
      isZero(value) ? none : new OptionalValue(value),
    ),
    declare('<optional(A)>.hasValue(): bool', ({ value }: OptionalValue) => value !== undefined),
    declare('<optional(A)>.value(): A', ({ value }: OptionalValue) => {
      if (value === undefined) throw new CelError('optional.none() dereference');
      return value;
    }),
    // The other side is only looked at when it is needed: the evaluator's business.
    declare('<optional(A)>.or(optional(A)): optional(A)', () => none),
    declare('<optional(A)>.orValue(A): A', () => null),
  ];
}

/** Go's zero time. */
const zeroTime = new Timestamp(-62_135_596_800_000_000_000n);

function isZero(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return value.nanos === zeroTime.nanos;
  if (value instanceof ListValue || value instanceof MapValue) return sizeOf(value) === 0;
  return value instanceof OptionalValue && value.value === undefined;
}
