/** `'%d of %s'.format([…])`. Source: cel-go `ext/formatting.go`. */
import {
  CelError,
  Duration,
  isObjectValue,
  ListValue,
  MapValue,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';
import { formatDuration, formatTimestamp } from './time.ts';

export function format(text: string, args: ListValue): string {
  let next = 0;
  return text.replace(/%(?:(\.\d+)?([a-zA-Z%])|.?)/g, (whole, precision, verb) => {
    if (verb === '%') return '%';
    if (verb === undefined || !'sdfebxXo'.includes(verb))
      throw new CelError(
        `could not parse formatting clause: unrecognized formatting clause "${verb ?? whole}"`,
      );
    const value = args.items[next];
    if (value === undefined) throw new CelError(`index ${next} out of range`);
    next += 1;
    const digits = precision === undefined ? 6 : Number(precision.slice(1));
    return clause(verb, value, digits);
  });
}

function clause(verb: string, value: Value, digits: number): string {
  switch (verb) {
    case 's':
      return plain(value);
    case 'd':
      return decimal(value);
    case 'f':
      return fixed(value, digits);
    case 'e':
      return scientific(value, digits);
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return whole(value, 2, 'only integers and bools can be formatted as binary');
    case 'o':
      return whole(value, 8, 'octal clause can only be used on integers');
    default:
      return hex(value, verb === 'X');
  }
}

function plain(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return special(value) ?? String(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return value.typeName;
  if (value instanceof ListValue) return `[${value.items.map(plain).join(', ')}]`;
  if (value instanceof MapValue) {
    const pairs = [...value.entries()].map(([key, each]) => `${plain(key)}: ${plain(each)}`);
    return `{${pairs.sort().join(', ')}}`;
  }
  if (isObjectValue(value)) {
    const pairs = value.fieldNames().map((name) => `${name}: ${plain(value.field(name) ?? null)}`);
    return `{${pairs.sort().join(', ')}}`;
  }
  throw new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}

function decimal(value: Value): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (typeof value === 'number') {
    const found = special(value);
    if (found !== undefined) return found;
  }
  throw wrong(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`);
}

function fixed(value: Value, digits: number): string {
  const number = asNumber(value, 'fixed-point');
  return special(number) ?? number.toFixed(digits);
}

function scientific(value: Value, digits: number): string {
  const number = asNumber(value, 'scientific');
  const found = special(number);
  if (found !== undefined) return found;
  const [mantissa = '', exponent = '0'] = number.toExponential(digits).split('e');
  const sign = exponent.startsWith('-') ? '⁻' : '';
  const raised = [...exponent.slice(1).padStart(2, '0')].map(
    (digit) => raisedDigits[Number(digit)],
  );
  return `${mantissa}\u202f×\u202f10${sign}${raised.join('')}`;
}

/** Upstream writes exponents as its locale library does: `3.14 × 10⁰⁰`, with narrow spaces. */
const raisedDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function asNumber(value: Value, verb: string): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  throw wrong(`${verb} clause can only be used on doubles, was given ${typeNameOf(value)}`);
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return undefined;
  return value > 0 ? '+Inf' : '-Inf';
}

function whole(value: Value, radix: number, why: string): string {
  if (typeof value === 'bigint') return value.toString(radix);
  if (value instanceof Uint) return value.value.toString(radix);
  throw wrong(`${why}, was given ${typeNameOf(value)}`);
}

function hex(value: Value, upper: boolean): string {
  const text =
    typeof value === 'string' || value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : whole(value, 16, 'only integers, byte buffers, and strings can be formatted as hex');
  return upper ? text.toUpperCase() : text;
}

function wrong(message: string): CelError {
  return new CelError(`error during formatting: ${message}`);
}
