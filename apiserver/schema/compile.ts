/**
 * Schemas made into functions, once each.
 * Source: kube-openapi v0.36 `pkg/validation/validate/`, whose order of checks is kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { isArray } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { compileCombinations } from './compile-combinations.ts';
import { compileObject } from './compile-object.ts';
import { compileNumber, compileString } from './compile-scalar.ts';
import {
  child,
  invalidValue,
  notSupported,
  shownPath,
  tooMany,
  typeInvalid,
} from './field-error.ts';
import { matchesFormat } from './formats.ts';

/** Judges one value; `path` is the inner one, which messages show. */
export type Check = (value: JsonValue, path: string, findings: Findings) => void;

/**
 * Errors as they are found, and how much was looked at, by which `anyOf` picks the best failure.
 */
export class Findings {
  readonly errors: FieldError[] = [];
  matches = 0;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** A fresh one for a branch that may not count. */
  branch(): Findings {
    return new Findings(this.#prefix);
  }

  merge(other: Findings): void {
    this.errors.push(...other.errors);
    this.matches += other.matches;
  }

  /** The path with the prefix, as errors name it. */
  field(path: string): string {
    const inner = path.startsWith('.') ? path.slice(1) : path;
    if (this.#prefix === '') return shownPath(inner);
    return inner === '' ? this.#prefix : child(this.#prefix, inner);
  }

  add(error: FieldError): void {
    this.errors.push(error);
  }

  invalid(path: string, value: JsonValue, message: string): void {
    this.add(invalidValue(this.field(path), value, `${path} in body ${message}`));
  }
}

const compiled = new WeakMap<Schema, Check>();

/** The check of a schema; made on first use. */
export function compileSchema(schema: Schema): Check {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const check = compile(schema);
  compiled.set(schema, check);
  return check;
}

function compile(schema: Schema): Check {
  const type = compileType(schema);
  const common = compileEnum(schema);
  const rest = [
    compileCombinations(schema),
    compileString(schema),
    compileFormat(schema),
    compileNumber(schema),
    compileArray(schema),
    common,
    compileObject(schema),
  ].filter((check) => check !== undefined);
  return (value, path, findings) => {
    findings.matches += 1;
    type?.(value, path, findings);
    if (value === null) return common?.(value, path, findings);
    for (const check of rest) check(value, path, findings);
    findings.matches += rest.length;
  };
}

function compileType(schema: Schema): Check | undefined {
  const types = typesOf(schema);
  if (types.length === 0) return undefined;
  const { nullable = false, format = '' } = schema;
  const numeric = types.includes('number') || types.includes('integer');
  const fail = (path: string, wanted: string, found: string, findings: Findings) => {
    const message = `${path} in body must be of type ${wanted}: "${found}"`;
    findings.add(typeInvalid(findings.field(path), found, message));
  };
  return (value, path, findings) => {
    const [found, foundFormat] = typeOf(value);
    if (found === 'null' && nullable) return;
    if (types.includes(found)) return;
    if (found === 'integer' && types.includes('number')) return;
    // Numbers and truth values are measured against the format, where there is one that is checked.
    const measured = found !== 'string' && found !== 'array' && found !== 'null';
    if (measured && (numeric || matchesFormat(format, '') !== undefined) && format !== '') {
      fail(path, format, foundFormat, findings);
    } else fail(path, types.join(','), found, findings);
  };
}

function typesOf(schema: Schema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined ? [] : [schema.type];
}

/** The JSON type and what Go would hold it in. */
function typeOf(value: JsonValue): readonly [string, string] {
  if (value === null) return ['null', ''];
  if (isArray(value)) return ['array', ''];
  switch (typeof value) {
    case 'bigint':
      return ['integer', 'int64'];
    case 'number':
      return Number.isInteger(value) ? ['integer', 'int64'] : ['number', 'double'];
    default:
      return [typeof value, ''];
  }
}

function compileEnum({ enum: values }: Schema): Check | undefined {
  if (values === undefined || values.length === 0) return undefined;
  const strings = new Set(values);
  return (value, path, findings) => {
    if (strings.has(value) && value !== null) return;
    const found = value !== null && values.some((allowed) => isDeepStrictEqual(allowed, value));
    if (!found) findings.add(notSupported(findings.field(path), value, values));
  };
}

function compileFormat({ format = '' }: Schema): Check | undefined {
  if (matchesFormat(format, '') === undefined) return undefined;
  return (value, path, findings) => {
    if (typeof value !== 'string' || matchesFormat(format, value) !== false) return;
    const message = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`;
    findings.add(typeInvalid(findings.field(path), value, message));
  };
}

function compileArray({ items, minItems, maxItems, uniqueItems }: Schema): Check | undefined {
  const item = items === undefined ? undefined : compileSchema(items);
  if (item === undefined && minItems === undefined && maxItems === undefined && !uniqueItems) {
    return undefined;
  }
  return (value, path, findings) => {
    if (!isArray(value)) return;
    if (item !== undefined) {
      for (const [i, element] of value.entries()) item(element, `${path}[${i}]`, findings);
    }
    const { length } = value;
    if (minItems !== undefined && length < minItems) {
      findings.invalid(path, length, `should have at least ${minItems} items`);
    }
    if (maxItems !== undefined && length > maxItems) {
      findings.add(tooMany(findings.field(path), length, maxItems));
    }
    if (uniqueItems === true && hasTwice(value)) {
      findings.invalid(path, '', "shouldn't contain duplicates");
    }
  };
}

function hasTwice(items: readonly JsonValue[]): boolean {
  return items.some((item, i) => items.slice(0, i).some((other) => isDeepStrictEqual(item, other)));
}
