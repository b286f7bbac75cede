/** Reading of fields, items and turns of a loop from values. */
import {
  CelError,
  isObjectValue,
  ListValue,
  MapValue,
  none,
  OptionalValue,
  Uint,
  type Value,
} from './values.ts';

export function* turns(range: Value, both: boolean): Iterable<readonly [Value, Value]> {
  if (range instanceof ListValue) {
    for (const [i, item] of range.items.entries()) yield both ? [BigInt(i), item] : [item, item];
  } else if (range instanceof MapValue) yield* range.entries();
  else {
    const object = isObject(range);
    if (object === false) throw new CelError('got non-iterable in comprehension');
    for (const name of object.fieldNames()) yield [name, object.field(name) ?? null];
  }
}

function isObject(value: Value) {
  return value !== null && isObjectValue(value) ? value : false;
}

export function isLiteralList(value: Value | undefined): value is ListValue {
  return (
    value instanceof ListValue &&
    value.items.every((item) => item === null || typeof item !== 'object' || item instanceof Uint)
  );
}

export function contains(list: ListValue, item: Value): boolean {
  return list.items.some((each) => equalsLiteral(each, item));
}

function equalsLiteral(a: Value, b: Value): boolean {
  const [left, right] = [a instanceof Uint ? a.value : a, b instanceof Uint ? b.value : b];
  // biome-ignore lint/suspicious/noDoubleEquals: bigint and number compare by value only this way.
  if (isNumeric(left) && isNumeric(right)) return left == right;
  return left === right;
}

function isNumeric(value: Value): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

export function fieldOf(value: Value, field: string): Value {
  if (value instanceof OptionalValue)
    return value.value === undefined ? none : optionalField(value.value, field);
  const found = lookUp(value, field);
  if (found === undefined) throw new CelError(`no such key: ${field}`);
  return found;
}

export function hasField(value: Value, field: string): boolean {
  const target = value instanceof OptionalValue ? value.value : value;
  return target !== undefined && (lookUp(target, field) ?? null) !== null;
}

function lookUp(value: Value, field: string): Value | undefined {
  if (value instanceof MapValue) return value.get(field);
  const object = isObject(value);
  if (object === false) throw new CelError('no such overload');
  return object.field(field);
}

export function optionalField(value: Value, field: Value): OptionalValue {
  const found = lookUp(value, String(field));
  return wrapped(found);
}

function wrapped(value: Value | undefined): OptionalValue {
  if (value === undefined) return none;
  return value instanceof OptionalValue ? value : new OptionalValue(value);
}

export function optionalIndex(value: Value, index: Value): OptionalValue {
  if (value instanceof ListValue) {
    const at = listIndex(index);
    return wrapped(value.items[at]);
  }
  return wrapped(value instanceof MapValue ? value.get(index) : lookUp(value, String(index)));
}

export function indexed(value: Value, index: Value): Value {
  if (value instanceof OptionalValue)
    return value.value === undefined ? none : optionalIndex(value.value, index);
  if (value instanceof ListValue) {
    const at = listIndex(index);
    const item = at < 0 ? undefined : value.items[at];
    if (item === undefined) throw new CelError(`index out of bounds: ${at}`);
    return item;
  }
  const found = value instanceof MapValue ? value.get(index) : lookUp(value, String(index));
  if (found === undefined) throw new CelError(`no such key: ${shown(index)}`);
  return found;
}

function shown(index: Value): string {
  return index instanceof Uint ? String(index.value) : String(index);
}

function listIndex(index: Value): number {
  if (typeof index === 'bigint') return Number(index);
  if (index instanceof Uint) return Number(index.value);
  if (typeof index === 'number' && Number.isInteger(index)) return index;
  throw new CelError('unsupported index type in list');
}
