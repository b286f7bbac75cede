/** What expressions compute with. int is bigint, double is number; the rest that JavaScript lacks is here. */

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | ListValue
  | MapValue
  | Timestamp
  | Duration
  | TypeValue
  | OptionalValue
  | ObjectValue
  | Opaque;

/** A failed evaluation; messages are upstream's. */
export class CelError extends Error {
  override readonly name = 'CelError';
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. The zone, in minutes east, only matters when it is written as text. */
export class Timestamp {
  readonly nanos: bigint;
  readonly zoneMinutes: number;
  constructor(nanos: bigint, zoneMinutes = 0) {
    this.zoneMinutes = zoneMinutes;
    if (nanos < minTimestamp || nanos > maxTimestamp) throw new CelError('timestamp overflow');
    this.nanos = nanos;
  }
}

const second = 1_000_000_000n;
const minTimestamp = -62_135_596_800n * second;
const maxTimestamp = 253_402_300_799n * second + 999_999_999n;

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    if (!isInt64(nanos)) throw new CelError('duration overflow');
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly typeName: string;
  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

export class OptionalValue {
  readonly value: Value | undefined;
  constructor(value?: Value) {
    this.value = value;
  }
}

export const none = new OptionalValue();

/** Values of libraries: `typeName` is what `type(x)` says. */
export interface Opaque {
  readonly typeName: string;
  equals(other: Opaque): boolean;
  /** In bytes, for costs. */
  readonly size?: number;
}

/** How lists of a schema compare and add: sets and maps do not mind the order. */
export type ListKeys = (item: Value) => string;

export class ListValue {
  readonly items: readonly Value[];
  readonly keyOf: ListKeys | undefined;
  constructor(items: readonly Value[], keyOf?: ListKeys) {
    this.items = items;
    this.keyOf = keyOf;
  }
}

/** Keys are bool, int, uint or string; 1, 1u and 1.0 are one key. */
export class MapValue {
  readonly #entries: ReadonlyMap<string, readonly [Value, Value]>;

  constructor(entries: Iterable<readonly [Value, Value]>) {
    const made = new Map<string, readonly [Value, Value]>();
    for (const entry of entries) {
      const key = mapKey(entry[0]);
      if (key === undefined) throw new CelError('unsupported key type');
      if (made.has(key)) throw new CelError(`insert failed: key ${show(entry[0])} already exists`);
      made.set(key, entry);
    }
    this.#entries = made;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    const name = mapKey(key);
    return name === undefined ? undefined : this.#entries.get(name)?.[1];
  }

  entries(): Iterable<readonly [Value, Value]> {
    return this.#entries.values();
  }
}

/** An object with the fields of a schema, read when they are asked for. */
export interface ObjectValue {
  readonly objectType: string;
  /** `undefined` when the field is not set. */
  field(name: string): Value | undefined;
  fieldNames(): readonly string[];
  /** How many fields are set, also of those that no expression can see. */
  readonly size: number;
  /** Whether what no expression can see is the same. */
  sameUnknown(other: ObjectValue): boolean;
}

export function isObjectValue(value: Value): value is ObjectValue {
  return typeof value === 'object' && value !== null && 'objectType' in value;
}

export function isOpaque(value: Value): value is Opaque {
  return typeof value === 'object' && value !== null && 'equals' in value && 'typeName' in value;
}

function mapKey(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number' && Number.isInteger(key)) return `n${BigInt(key)}`;
  return undefined;
}

export function isInt64(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

export function isUint64(value: bigint): boolean {
  return value >= 0n && value < 2n ** 64n;
}

export function typeNameOf(value: Value): string {
  if (value === null) return 'null_type';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Uint) return 'uint';
  if (value instanceof ListValue) return 'list';
  if (value instanceof MapValue) return 'map';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof OptionalValue) return 'optional_type';
  if (isObjectValue(value)) return value.objectType;
  return value.typeName;
}

export function numeric(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}

export function equalValues(a: Value, b: Value): boolean {
  if (a === b) return true;
  const [left, right] = [numeric(a), numeric(b)];
  // biome-ignore lint/suspicious/noDoubleEquals: bigint and number compare by value only this way.
  if (left !== undefined && right !== undefined) return left == right;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof ListValue) return b instanceof ListValue && equalLists(a, b);
  if (a instanceof MapValue) return b instanceof MapValue && equalMaps(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.typeName === b.typeName;
  if (a instanceof OptionalValue) return b instanceof OptionalValue && equalOptionals(a, b);
  if (isObjectValue(a)) return isObjectValue(b) && equalObjects(a, b);
  return isOpaque(a) && isOpaque(b) && a.typeName === b.typeName && a.equals(b);
}

function equalOptionals(a: OptionalValue, b: OptionalValue): boolean {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equalValues(a.value, b.value);
}

function equalLists(a: ListValue, b: ListValue): boolean {
  if (a.items.length !== b.items.length) return false;
  const keyOf = a.keyOf ?? b.keyOf;
  if (keyOf === undefined) return a.items.every((item, i) => equalValues(item, b.items[i] ?? null));
  const others = new Map(b.items.map((item) => [keyOf(item), item]));
  return a.items.every((item) => {
    const other = others.get(keyOf(item));
    return other !== undefined && equalValues(item, other);
  });
}

function equalMaps(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !equalValues(value, other)) return false;
  }
  return true;
}

function equalObjects(a: ObjectValue, b: ObjectValue): boolean {
  const names = a.fieldNames();
  if (names.length !== b.fieldNames().length) return false;
  if (!a.sameUnknown(b)) return false;
  return names.every((name) => {
    const [left, right] = [a.field(name), b.field(name)];
    return left !== undefined && right !== undefined && equalValues(left, right);
  });
}

/** Length of strings in characters, of lists and maps in entries; 1 for what has none. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof ListValue) return value.items.length;
  if (value instanceof MapValue) return value.size;
  if (value === null || typeof value !== 'object') return 1;
  if (isObjectValue(value)) return value.size;
  return isOpaque(value) ? (value.size ?? 1) : 1;
}

const surrogate = /[\ud800-\udbff]/;

export function codePoints(text: string): number {
  // Only pairs of surrogates make the two differ.
  if (!surrogate.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** As messages show it. */
export function show(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint) return String(value.value);
  return typeof value === 'object' ? typeNameOf(value) : String(value);
}
