import { RE2JS } from 're2js';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { Check } from './compile.ts';
import { invalidValue, tooLong } from './field-error.ts';

/** Lengths, in characters, and the pattern. The first that fails ends it, as upstream does. */
export function compileString({ minLength, maxLength, pattern }: Schema): Check | undefined {
  if (minLength === undefined && maxLength === undefined && pattern === undefined) return undefined;
  const matcher = pattern === undefined ? undefined : patternOf(pattern);
  return (value, path, findings) => {
    if (typeof value !== 'string') return;
    if (maxLength !== undefined && value.length > maxLength && lengthOf(value) > maxLength) {
      findings.add(tooLong(findings.field(path), maxLength));
    } else if (minLength !== undefined && lengthOf(value) < minLength) {
      findings.invalid(path, value, `should be at least ${minLength} chars long`);
    } else if (matcher !== undefined) {
      const problem = matcher.problem(value);
      if (problem !== undefined) findings.invalid(path, value, problem);
    }
  };
}

/** Of quantities and names there are many; schemas of kinds that came and went are forgotten some day. */
const maxPatterns = 1_000;
const patterns = new Map<string, Pattern>();

/** The same for the same source, so that it is compiled once. */
export function patternOf(source: string): Pattern {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  if (patterns.size >= maxPatterns) patterns.clear();
  const pattern = new Pattern(source);
  patterns.set(source, pattern);
  return pattern;
}

/**
 * Go's regular expressions, which run in linear time whatever the pattern; compiled on first use.
 */
class Pattern {
  readonly #source: string;
  #compiled: RE2JS | undefined;
  #mistake: string | undefined;

  constructor(source: string) {
    this.#source = source;
  }

  /** Why it is no regular expression, in Go's words. */
  mistake(): string | undefined {
    if (this.#compiled !== undefined || this.#mistake !== undefined) return this.#mistake;
    try {
      this.#compiled = RE2JS.compile(this.#source);
    } catch (error) {
      this.#mistake = error instanceof Error ? error.message : String(error);
    }
    return this.#mistake;
  }

  /** What is wrong with `text`; `undefined` when it matches. */
  problem(text: string): string | undefined {
    const mistake = this.mistake();
    if (mistake !== undefined) {
      return `should match '${this.#source}, but pattern is invalid: ${mistake}'`;
    }
    return this.#compiled?.test(text) === true ? undefined : `should match '${this.#source}'`;
  }
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** Ranges of the format, multiples and bounds. */
export function compileNumber(schema: Schema): Check | undefined {
  const { multipleOf, maximum, minimum } = schema;
  const checks = [
    compileRange(schema),
    multipleOf === undefined ? undefined : compileMultiple(multipleOf),
    maximum === undefined ? undefined : compileMaximum(maximum, schema.exclusiveMaximum === true),
    minimum === undefined ? undefined : compileMinimum(minimum, schema.exclusiveMinimum === true),
  ].filter((check) => check !== undefined);
  if (checks.length === 0) return undefined;
  return (value, path, findings) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return;
    for (const check of checks) check(value, path, findings);
  };
}

/** bigint and number compare exactly in JavaScript. */
const ranges: Readonly<Record<string, readonly [number | bigint, number | bigint]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2n ** 64n - 1n],
  float: [-3.4028234663852886e38, 3.4028234663852886e38],
};

function compileRange({ type, format = '' }: Schema): Check | undefined {
  const range = Object.hasOwn(ranges, format) ? ranges[format] : undefined;
  if (range === undefined || type === undefined) return undefined;
  const [min, max] = range;
  return (value, path, findings) => {
    if (!isNumeric(value) || (value >= min && value <= max)) return;
    const detail = `Checked value must be of type ${type} with format ${format} in ${path}`;
    findings.add(invalidValue('<nil>', '', detail));
  };
}

function compileMultiple(factor: number): Check {
  return (value, path, findings) => {
    if (!isNumeric(value) || isMultiple(value, factor)) return;
    findings.invalid(path, value, `should be a multiple of ${factor}`);
  };
}

function isMultiple(value: number | bigint, factor: number): boolean {
  if (typeof value === 'bigint' && Number.isInteger(factor)) return value % BigInt(factor) === 0n;
  const quotient = Number(value) / factor;
  const distance = Math.abs(quotient - Math.round(quotient));
  return distance <= Math.abs(quotient) * 1e-12;
}

function compileMaximum(maximum: number, exclusive: boolean): Check {
  return (value, path, findings) => {
    if (!isNumeric(value) || (exclusive ? value < maximum : value <= maximum)) return;
    findings.invalid(
      path,
      value,
      `should be less than ${exclusive ? '' : 'or equal to '}${maximum}`,
    );
  };
}

function compileMinimum(minimum: number, exclusive: boolean): Check {
  return (value, path, findings) => {
    if (!isNumeric(value) || (exclusive ? value > minimum : value >= minimum)) return;
    const words = exclusive ? 'greater than' : 'greater than or equal to';
    findings.invalid(path, value, `should be ${words} ${minimum}`);
  };
}

function isNumeric(value: JsonValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
