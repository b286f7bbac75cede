/**
 * Amounts such as `500m`, `1.5`, `2Gi`, `1e3`: exact, as bigint of a billionth of the unit.
 * Source: Kubernetes apimachinery v0.32, `pkg/api/resource/quantity.go`.
 */

/** How a quantity was written, and so how it is written back. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** Thrown for text that is no quantity; the message is upstream's. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
  readonly reason: 'Format' | 'Suffix' | 'Number';

  constructor(reason: QuantityError['reason']) {
    super(messages[reason]);
    this.reason = reason;
  }
}

/** An immutable amount. Its resolution is 1e-9; what is finer is rounded away from zero. */
export class Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;

  constructor(nano: bigint, format: QuantityFormat = 'DecimalSI') {
    this.nano = nano;
    this.format = format;
  }

  /** In thousandths, rounded away from zero: what CPU is counted in. */
  milli(): bigint {
    return divideAwayFromZero(this.nano, nanoPerMilli);
  }

  /** In whole units, rounded away from zero: what memory is counted in. */
  value(): bigint {
    return divideAwayFromZero(this.nano, nanoPerUnit);
  }

  /** Negative, zero or positive, as `this` is less than, equal to or greater than `other`. */
  cmp(other: Quantity): -1 | 0 | 1 {
    if (this.nano === other.nano) return 0;
    return this.nano < other.nano ? -1 : 1;
  }

  add(other: Quantity): Quantity {
    return new Quantity(this.nano + other.nano, this.#formatBeside(other));
  }

  sub(other: Quantity): Quantity {
    return new Quantity(this.nano - other.nano, this.#formatBeside(other));
  }

  /** The nearest JavaScript number; for display and scores, not for accounts. */
  toNumber(): number {
    return Number(this.nano) / Number(nanoPerUnit);
  }

  /** The canonical text: no fraction, the largest fitting suffix. */
  toString(): string {
    if (this.nano === 0n) return '0';
    const format = this.format === 'BinarySI' && !this.#fitsBinary() ? 'DecimalSI' : this.format;
    return format === 'BinarySI' ? binaryText(this.value()) : decimalText(this.nano, format);
  }

  /** So that an object holding a quantity can be written as JSON. */
  toJSON(): string {
    return this.toString();
  }

  /** Zero takes the format of what is added to it. */
  #formatBeside(other: Quantity): QuantityFormat {
    return this.nano === 0n ? other.format : this.format;
  }

  /** Fractions and amounts below 1Ki are clearer in decimal. */
  #fitsBinary(): boolean {
    const small = this.nano > -1024n * nanoPerUnit && this.nano < 1024n * nanoPerUnit;
    return !small && this.nano % nanoPerUnit === 0n;
  }
}

/** Reads a quantity; JSON numbers are read as if they were written in a string. Throws `QuantityError`. */
export function parseQuantity(text: string | number | bigint): Quantity {
  const { negative, integer, fraction, suffix } = split(String(text));
  const { base, exponent, format } = interpret(suffix);
  if (integer === '' && fraction === '') return new Quantity(0n, format);
  const digits = BigInt(integer + fraction);
  let nano = scale(digits, base, exponent, fraction.length);
  let kept = format;
  if (format === 'BinarySI') {
    if (nano > maxBinaryNano) nano = maxBinaryNano;
    if (nano > 0n && nano < nanoPerUnit) kept = 'DecimalSI';
  }
  return new Quantity(negative ? -nano : nano, kept);
}

/** Whether `text` is a quantity. */
export function isQuantity(text: string | number | bigint): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}

/** `parseQuantity(text).milli()`. */
export function parseMilli(text: string | number | bigint): bigint {
  return parseQuantity(text).milli();
}

/** `parseQuantity(text).value()`. */
export function parseBytes(text: string | number | bigint): bigint {
  return parseQuantity(text).value();
}

/** Writes an amount canonically: `{milli: 1500n}` as `1500m`, `{value: 2048n}` with BinarySI as `2Ki`. */
export function formatQuantity(
  amount: { readonly milli: bigint } | { readonly value: bigint },
  format: QuantityFormat = 'DecimalSI',
): string {
  const nano = 'milli' in amount ? amount.milli * nanoPerMilli : amount.value * nanoPerUnit;
  return new Quantity(nano, format).toString();
}

const nanoPerUnit = 1_000_000_000n;
const nanoPerMilli = 1_000_000n;
/** Binary amounts are capped where upstream's 64 bits end. */
const maxBinaryNano = (2n ** 63n - 1n) * nanoPerUnit;
/** Beyond this an exponent means either nothing or too much, and computing it would cost memory. */
const maxExponent = 1000;
const maxLength = 1000;

const messages = {
  Format:
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  Suffix: "unable to parse quantity's suffix",
  Number: 'unable to parse numeric part of quantity',
} as const;

const decimalSuffixes = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const binarySuffixes = new Map([
  ['Ki', 10],
  ['Mi', 20],
  ['Gi', 30],
  ['Ti', 40],
  ['Pi', 50],
  ['Ei', 60],
]);
const decimalNames = new Map([...decimalSuffixes].map(([suffix, exponent]) => [exponent, suffix]));
const binaryNames = new Map([...binarySuffixes].map(([suffix, exponent]) => [exponent, suffix]));

const pattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

function split(text: string) {
  if (text.length === 0 || text.length > maxLength) throw new QuantityError('Format');
  const match = pattern.exec(text);
  if (match === null) throw new QuantityError('Format');
  const [, sign, integer = '', fraction = '', suffix = ''] = match;
  return { negative: sign === '-', integer, fraction, suffix };
}

function interpret(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = decimalSuffixes.get(suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes.get(suffix);
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  if (!/^[eE][-+]?[0-9]+$/.test(suffix)) throw new QuantityError('Suffix');
  const exponent = Number(suffix.slice(1));
  if (exponent > maxExponent) throw new QuantityError('Number');
  return { base: 10, exponent: Math.max(exponent, -maxExponent), format: 'DecimalExponent' };
}

/** `digits × base^exponent / 10^fractionLength`, in nano, rounded up. */
function scale(digits: bigint, base: 2 | 10, exponent: number, fractionLength: number): bigint {
  const power = BigInt(base) ** BigInt(Math.abs(exponent));
  const divisor = 10n ** BigInt(fractionLength) * (exponent < 0 ? power : 1n);
  const product = digits * nanoPerUnit * (exponent < 0 ? 1n : power);
  return divideAwayFromZero(product, divisor);
}

function divideAwayFromZero(amount: bigint, divisor: bigint): bigint {
  const quotient = amount / divisor;
  if (amount % divisor === 0n) return quotient;
  return amount < 0n ? quotient - 1n : quotient + 1n;
}

/** Moves factors of 1000 into the exponent. */
function decimalText(nano: bigint, format: QuantityFormat): string {
  // SI ends at E; beyond it the number itself grows.
  const maxShown = format === 'DecimalSI' ? 18 : Number.POSITIVE_INFINITY;
  let exponent = -9;
  let mantissa = nano;
  while (mantissa % 1000n === 0n && exponent < maxShown) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalSI') return `${mantissa}${decimalNames.get(exponent) ?? ''}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

/** Moves factors of 1024 into the suffix. */
function binaryText(value: bigint): string {
  let exponent = 0;
  let mantissa = value;
  while (mantissa % 1024n === 0n && exponent < 60) {
    mantissa /= 1024n;
    exponent += 10;
  }
  return `${mantissa}${binaryNames.get(exponent) ?? ''}`;
}
