/**
 * Operators, conversions and the functions of the language itself.
 * Source: cel-spec `doc/langdef.md`; cel-go `common/types`, whose messages these are.
 */
import {
  comparison,
  concatenation,
  containment,
  declare,
  matching,
  type Overload,
  traversal,
} from '../functions.ts';
import {
  CelError,
  Duration,
  equalValues,
  isInt64,
  isUint64,
  ListValue,
  MapValue,
  numeric,
  sizeOf,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';
import { matches } from './regex.ts';
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from './time.ts';

const orders = ['<', '<=', '>', '>='] as const;
const comparable = ['bool', 'string', 'bytes', 'timestamp', 'duration'];
const numbers = ['int', 'uint', 'double'];

export const standard: readonly Overload[] = [
  declare('_==_(A, A): bool', (a: Value, b: Value) => equalValues(a, b), { cost: comparison }),
  declare('_!=_(A, A): bool', (a: Value, b: Value) => !equalValues(a, b), { cost: comparison }),
  ...numbers.flatMap((a) =>
    numbers.filter((b) => a !== b).flatMap((b) => orders.map((op) => ordering(op, a, b))),
  ),
  ...[...comparable, ...numbers].flatMap((type) => orders.map((op) => ordering(op, type, type))),
  // Overruled by the evaluator, which stops at the side that decides.
  declare('_&&_(bool, bool): bool', () => false),
  declare('_||_(bool, bool): bool', () => false),
  declare('_?_:_(bool, A, A): A', () => null),
  declare('@not_strictly_false(bool): bool', () => true),
  declare('_[_](list(A), int): A', () => null),
  declare('_[_](map(A, B), A): B', () => null),
  declare('_[?_](list(A), int): optional(A)', () => null),
  declare('_[?_](optional(list(A)), int): optional(A)', () => null),
  declare('_[?_](map(A, B), A): optional(B)', () => null),
  declare('_[?_](optional(map(A, B)), A): optional(B)', () => null),
  declare('_[_](optional(list(A)), int): optional(A)', () => null),
  declare('_[_](optional(map(A, B)), A): optional(B)', () => null),
  declare('!_(bool): bool', (value: boolean) => !value),
  declare('@in(A, list(A)): bool', (item: Value, list: ListValue) => isIn(item, list), {
    cost: ([, list = 1]) => list,
  }),
  declare('@in(A, map(A, B)): bool', (key: Value, map: MapValue) => hasKey(map, key)),
  declare(
    'cel.@mapInsert(map(A, B), A, B): map(A, B)',
    (map: MapValue, key: Value, value: Value) => new MapValue([...map.entries(), [key, value]]),
  ),
  declare(
    'cel.@mapInsert(map(A, B), map(A, B)): map(A, B)',
    (map: MapValue, more: MapValue) => new MapValue([...map.entries(), ...more.entries()]),
  ),
  ...arithmetic(),
  ...sizes(),
  ...conversions(),
  declare('type(A): type(A)', (value: Value) => new TypeValue(typeNameOf(value))),
  declare('dyn(A): dyn', (value: Value) => value),
  ...texts(),
];

function ordering(op: (typeof orders)[number], left: string, right: string): Overload {
  const holds = {
    '<': (order: number) => order < 0,
    '<=': (order: number) => order <= 0,
    '>': (order: number) => order > 0,
    '>=': (order: number) => order >= 0,
  }[op];
  const cost = left === 'string' || left === 'bytes' ? { cost: comparison } : {};
  const run = (a: Value, b: Value) => {
    const order = compareValues(a, b);
    return order !== undefined && holds(order);
  };
  return declare(`_${op}_(${left}, ${right}): bool`, run, cost);
}

/** `undefined` with NaN, which stands in no order. */
export function compareValues(a: Value, b: Value): number | undefined {
  const [left, right] = [orderKey(a), orderKey(b)];
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  if (left === null || right === null) throw new CelError('no such overload');
  if (left < right) return -1;
  if (left > right) return 1;
  return left >= right ? 0 : undefined;
}

function orderKey(value: Value): bigint | number | string | boolean | Uint8Array | null {
  if (value instanceof Timestamp || value instanceof Duration) return value.nanos;
  if (value instanceof Uint) return value.value;
  if (value instanceof Uint8Array || typeof value !== 'object') return value;
  return null;
}

function isIn(item: Value, list: ListValue): boolean {
  return list.items.some((each) => equalValues(each, item));
}

function hasKey(map: MapValue | { field(name: string): unknown }, key: Value): boolean {
  if (map instanceof MapValue) return map.get(key) !== undefined;
  return map.field(String(key)) !== undefined;
}

export function int(value: bigint): bigint {
  if (!isInt64(value)) throw new CelError('integer overflow');
  return value;
}

function uint(value: bigint): Uint {
  if (!isUint64(value)) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

type Compute = (a: bigint, b: bigint) => bigint;

function arithmetic(): Overload[] {
  const exact = (op: string, compute: Compute): Overload[] => [
    declare(`_${op}_(int, int): int`, (a: bigint, b: bigint) => int(compute(a, b))),
    declare(`_${op}_(uint, uint): uint`, (a: Uint, b: Uint) => uint(compute(a.value, b.value))),
  ];
  const double = (op: string, compute: (a: number, b: number) => number) =>
    declare(`_${op}_(double, double): double`, (a: number, b: number) => compute(a, b));
  const nanos = (signature: string, compute: Compute, Made: typeof Duration | typeof Timestamp) =>
    declare(signature, (a: Duration, b: Duration) => new Made(compute(a.nanos, b.nanos)));
  const add: Compute = (a, b) => a + b;
  const subtract: Compute = (a, b) => a - b;
  return [
    ...exact('+', add),
    ...exact('-', subtract),
    ...exact('*', (a, b) => a * b),
    ...exact('/', (a, b) => a / nonZero(b, 'division by zero')),
    ...exact('%', (a, b) => a % nonZero(b, 'modulus by zero')),
    double('+', (a, b) => a + b),
    double('-', (a, b) => a - b),
    double('*', (a, b) => a * b),
    double('/', (a, b) => a / b),
    declare('-_(int): int', (a: bigint) => int(-a)),
    declare('-_(double): double', (a: number) => -a),
    declare('_+_(string, string): string', (a: string, b: string) => a + b, {
      cost: concatenation,
    }),
    declare('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => join(a, b), {
      cost: concatenation,
    }),
    declare('_+_(list(A), list(A)): list(A)', (a: ListValue, b: ListValue) => joined(a, b)),
    nanos('_+_(duration, duration): duration', add, Duration),
    nanos('_+_(timestamp, duration): timestamp', add, Timestamp),
    nanos('_+_(duration, timestamp): timestamp', add, Timestamp),
    nanos('_-_(duration, duration): duration', subtract, Duration),
    nanos('_-_(timestamp, duration): timestamp', subtract, Timestamp),
    nanos('_-_(timestamp, timestamp): duration', subtract, Duration),
    declare('-_(duration): duration', (a: Duration) => new Duration(-a.nanos)),
  ];
}

function nonZero(value: bigint, why: string): bigint {
  if (value === 0n) throw new CelError(why);
  return value;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([a, b]));
}

/** Sets and maps by key: what the right one has replaces, what is new follows. */
function joined(a: ListValue, b: ListValue): ListValue {
  const { keyOf } = a;
  if (keyOf === undefined) return new ListValue([...a.items, ...b.items]);
  const items = new Map(a.items.map((item) => [keyOf(item), item]));
  for (const item of b.items) items.set(keyOf(item), item);
  return new ListValue([...items.values()], keyOf);
}

function sizes(): Overload[] {
  const size = (value: Value) => BigInt(sizeOf(value));
  return ['string', 'bytes', 'list(A)', 'map(A, B)'].flatMap((type) => [
    declare(`size(${type}): int`, size),
    declare(`<${type}>.size(): int`, size),
  ]);
}

function conversions(): Overload[] {
  const truncated = (value: number) => {
    const whole = Math.trunc(value);
    if (!Number.isFinite(value) || whole <= -(2 ** 63) || whole >= 2 ** 63)
      throw new CelError('integer overflow');
    return BigInt(whole);
  };
  return [
    declare('int(int): int', (value: bigint) => value),
    declare('int(uint): int', ({ value }: Uint) => int(value)),
    declare('int(double): int', truncated),
    declare('int(string): int', (text: string) => int(parsedInt(text, 'int'))),
    declare('int(timestamp): int', ({ nanos }: Timestamp) => seconds(nanos)),
    declare('int(duration): int', ({ nanos }: Duration) => nanos),
    declare('uint(uint): uint', (value: Uint) => value),
    declare('uint(int): uint', (value: bigint) => uint(value)),
    declare('uint(double): uint', (value: number) => {
      if (!(value >= 0) || value >= 2 ** 64) throw new CelError('unsigned integer overflow');
      return new Uint(BigInt(Math.trunc(value)));
    }),
    declare('uint(string): uint', (text: string) => uint(parsedInt(text, 'uint'))),
    declare('double(double): double', (value: number) => value),
    declare('double(int): double', (value: bigint) => Number(value)),
    declare('double(uint): double', ({ value }: Uint) => Number(value)),
    declare('double(string): double', parsedDouble),
    declare('bool(bool): bool', (value: boolean) => value),
    declare('bool(string): bool', parsedBool),
    declare('bytes(bytes): bytes', (value: Uint8Array) => value),
    declare('bytes(string): bytes', (text: string) => new Uint8Array(Buffer.from(text)), {
      cost: traversal(),
    }),
    declare('string(string): string', (text: string) => text),
    declare('string(bytes): string', decoded, { cost: traversal() }),
    ...['bool', 'int', 'uint', 'double'].map((type) =>
      declare(`string(${type}): string`, (value: Value) => String(numeric(value) ?? value)),
    ),
    declare('string(timestamp): string', formatTimestamp),
    declare('string(duration): string', formatDuration),
    declare('timestamp(timestamp): timestamp', (value: Timestamp) => value),
    declare('timestamp(string): timestamp', parseTimestamp),
    declare('timestamp(int): timestamp', (value: bigint) => new Timestamp(value * 1_000_000_000n)),
    declare('duration(duration): duration', (value: Duration) => value),
    declare('duration(string): duration', parseDuration),
    declare('duration(int): duration', (value: bigint) => new Duration(value)),
  ];
}

function seconds(nanos: bigint): bigint {
  const whole = nanos / 1_000_000_000n;
  return nanos < 0n && nanos % 1_000_000_000n !== 0n ? whole - 1n : whole;
}

function parsedInt(text: string, type: string): bigint {
  const pattern = type === 'int' ? /^[+-]?\d+$/ : /^\d+$/;
  if (pattern.test(text)) return BigInt(text.replace(/^\+/, ''));
  throw new CelError(`type conversion error from 'string' to '${type}'`);
}

function parsedDouble(text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  throw new CelError("type conversion error from 'string' to 'double'");
}

function parsedBool(text: string): boolean {
  if (['1', 't', 'true', 'TRUE', 'True', 'T'].includes(text)) return true;
  if (['0', 'f', 'false', 'FALSE', 'False', 'F'].includes(text)) return false;
  throw new CelError("type conversion error from 'string' to 'bool'");
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

function texts(): Overload[] {
  return [
    declare(
      '<string>.contains(string): bool',
      (text: string, part: string) => text.includes(part),
      {
        cost: containment,
      },
    ),
    declare('<string>.startsWith(string): bool', (a: string, b: string) => a.startsWith(b), {
      cost: traversal(),
    }),
    declare('<string>.endsWith(string): bool', (a: string, b: string) => a.endsWith(b), {
      cost: traversal(),
    }),
    declare('<string>.matches(string): bool', matches, { cost: matching }),
    declare('matches(string, string): bool', matches, { cost: matching }),
  ];
}
