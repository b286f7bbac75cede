/**
 * Quantities and semantic versions.
 * Source: Kubernetes `apiserver/pkg/cel/library/{quantity,semverlib}.go`, blang/semver v4.
 */
import { parseQuantity, type Quantity } from '../../../api/quantity.ts';
import { declare, type Overload, traversal } from '../functions.ts';
import { CelError, isInt64, type Opaque } from '../values.ts';

class QuantityValue implements Opaque {
  readonly typeName = 'kubernetes.Quantity';
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }

  equals(other: QuantityValue): boolean {
    return this.quantity.cmp(other.quantity) === 0;
  }

  toString(): string {
    return this.quantity.toString();
  }
}

const perUnit = 1_000_000_000n;

function quantity(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
}

function fromInt(value: bigint): Quantity {
  return parseQuantity(String(value));
}

function isWhole({ quantity: { nano } }: QuantityValue): boolean {
  return nano % perUnit === 0n && isInt64(nano / perUnit);
}

function asInteger(value: QuantityValue): bigint {
  if (!isWhole(value)) throw new CelError('cannot convert value to integer');
  return value.quantity.nano / perUnit;
}

class Semver implements Opaque {
  readonly typeName = 'kubernetes.Semver';
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }

  equals(other: Semver): boolean {
    return this.compare(other) === 0n;
  }

  compare(other: Semver): bigint {
    for (const [i, number] of this.numbers.entries()) {
      const against = other.numbers[i] ?? 0n;
      if (number !== against) return number < against ? -1n : 1n;
    }
    if (this.prerelease.length === 0 || other.prerelease.length === 0)
      return BigInt(Math.sign(other.prerelease.length - this.prerelease.length));
    for (let i = 0; i < Math.max(this.prerelease.length, other.prerelease.length); i += 1) {
      const order = comparePart(this.prerelease[i], other.prerelease[i]);
      if (order !== 0n) return order;
    }
    return 0n;
  }
}

function comparePart(a: string | undefined, b: string | undefined): bigint {
  if (a === undefined || b === undefined) return a === b ? 0n : a === undefined ? -1n : 1n;
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return BigInt(a) === BigInt(b) ? 0n : BigInt(a) < BigInt(b) ? -1n : 1n;
  if (left !== right) return left ? -1n : 1n;
  return a === b ? 0n : a < b ? -1n : 1n;
}

function semver(text: string, normalize = false): Semver {
  const given = normalize ? normalized(text) : text;
  const match =
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/.exec(
      given,
    );
  const prerelease = match?.[4]?.split('.') ?? [];
  if (match === null || prerelease.some((part) => /^0\d+$/.test(part)))
    throw new CelError(semverMistake(given));
  return new Semver(
    match.slice(1, 4).map((part) => BigInt(part)),
    prerelease,
  );
}

/** Without a leading v, without leading zeros, and with all three numbers. */
function normalized(text: string): string {
  const [, core = '', rest = ''] = /^([^-+]*)(.*)$/s.exec(text.replace(/^v/, '')) ?? [];
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3 && rest === '') parts.push('0');
  return parts.join('.') + rest;
}

function semverMistake(text: string): string {
  if (text === '') return 'Version string empty';
  const parts = text.split('.');
  if (parts.length < 3) return 'No Major.Minor.Patch elements found';
  const bad = parts.slice(0, 3).find((part) => !/^\d+/.test(part));
  return bad === undefined
    ? 'Version number must not contain leading zeroes'
    : `Invalid character(s) found in version number "${bad}"`;
}

function succeeds<Args extends readonly unknown[]>(run: (...args: Args) => unknown) {
  return (...args: Args): boolean => {
    try {
      run(...args);
      return true;
    } catch {
      return false;
    }
  };
}

const once = { cost: traversal() };

export const amountLibrary: readonly Overload[] = [...quantities(), ...semvers()];

function quantities(): Overload[] {
  const type = 'kubernetes.Quantity';
  const order = (name: string, holds: (order: number) => boolean) =>
    declare(`<${type}>.${name}(${type}): bool`, (a: QuantityValue, b: QuantityValue) =>
      holds(a.quantity.cmp(b.quantity)),
    );
  return [
    declare(`quantity(string): ${type}`, quantity, once),
    declare('isQuantity(string): bool', succeeds(quantity), once),
    declare(`<${type}>.isInteger(): bool`, isWhole),
    declare(`<${type}>.asInteger(): int`, asInteger),
    declare(`<${type}>.asApproximateFloat(): double`, (a: QuantityValue) => a.quantity.toNumber()),
    declare(`<${type}>.sign(): int`, ({ quantity: { nano } }: QuantityValue) =>
      nano === 0n ? 0n : nano < 0n ? -1n : 1n,
    ),
    order('isGreaterThan', (found) => found > 0),
    order('isLessThan', (found) => found < 0),
    declare(`<${type}>.compareTo(${type}): int`, (a: QuantityValue, b: QuantityValue) =>
      BigInt(a.quantity.cmp(b.quantity)),
    ),
    declare(
      `<${type}>.add(${type}): ${type}`,
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.quantity.add(b.quantity)),
    ),
    declare(
      `<${type}>.add(int): ${type}`,
      (a: QuantityValue, b: bigint) => new QuantityValue(a.quantity.add(fromInt(b))),
    ),
    declare(
      `<${type}>.sub(${type}): ${type}`,
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(a.quantity.sub(b.quantity)),
    ),
    declare(
      `<${type}>.sub(int): ${type}`,
      (a: QuantityValue, b: bigint) => new QuantityValue(a.quantity.sub(fromInt(b))),
    ),
  ];
}

function semvers(): Overload[] {
  const type = 'kubernetes.Semver';
  const order = (name: string, holds: (order: bigint) => boolean) =>
    declare(`<${type}>.${name}(${type}): bool`, (a: Semver, b: Semver) => holds(a.compare(b)));
  return [
    declare(`semver(string): ${type}`, (text: string) => semver(text), once),
    declare(`semver(string, bool): ${type}`, semver, once),
    declare(
      'isSemver(string): bool',
      succeeds((text: string) => semver(text)),
      once,
    ),
    declare('isSemver(string, bool): bool', succeeds(semver), once),
    ...['major', 'minor', 'patch'].map((name, i) =>
      declare(`<${type}>.${name}(): int`, ({ numbers }: Semver) => numbers[i] ?? 0n),
    ),
    order('isGreaterThan', (found) => found > 0n),
    order('isLessThan', (found) => found < 0n),
    declare(`<${type}>.compareTo(${type}): int`, (a: Semver, b: Semver) => a.compare(b)),
  ];
}
