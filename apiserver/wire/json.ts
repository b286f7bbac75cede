/**
 * JSON as Go's decoder reads and writes it: integers of 64 bits stay exact, `1.0` is 1, keys that
 * stand twice are reported, HTML characters are escaped, and errors have Go's words.
 * Source: Go 1.24 `encoding/json`, sigs.k8s.io/json v0.0.0-20241010.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { readJson, scanJson } from './json-reader.ts';

export { WireError } from './wire-error.ts';

/** What a body held. */
export interface Parsed {
  readonly value: JsonValue;
  /**
   * Paths of keys that stood more than once, `spec.items[0].x`, each once, in the order met; the
   * last value counts.
   */
  readonly duplicates: readonly string[];
}

/**
 * Bodies nested deeper than this are refused; Go allows 10,000, but no object comes near either.
 */
export const maxJsonDepth = 500;

/**
 * Reads one JSON text; throws `WireError` with Go's words and the offset. Integers that a double
 * cannot hold are bigint, those beyond 64 bits are rounded to a double. Keys named `__proto__` are
 * refused.
 */
export function parseJson(body: Uint8Array | string): Parsed {
  const text = typeof body === 'string' ? body : decode(body);
  const scan = scanJson(text, maxJsonDepth);
  if (!scan.special) {
    const value = tryNative(text);
    // Equal counts mean that no key replaced another one.
    if (value !== undefined && countKeys(value) === scan.colons) return { value, duplicates: [] };
  }
  return readJson(text, maxJsonDepth);
}

/**
 * How `stringifyJson` writes; custom objects are written with sorted keys, built-in kinds are not.
 */
export interface StringifyOptions {
  /**
   * Keys in the order of their characters, as Go writes maps. Without it they stand as inserted.
   */
  readonly sortKeys?: boolean;
  /** Spaces per level; absent = all on one line. */
  readonly indent?: number;
}

/** Writes JSON as Go does: `<`, `>`, `&`, U+2028 and U+2029 escaped, bigint as an integer. */
export function stringifyJson(value: JsonValue, options: StringifyOptions = {}): string {
  if (options.sortKeys !== true && options.indent === undefined) {
    const text = tryStringify(value);
    if (text !== undefined) return escapeHtml(text);
  }
  return escapeHtml(write(value, options, ''));
}

/** Items of a list that are written in one part. */
const partSize = 256;

/** As `stringifyJson` on one line, in pieces: long lists in several, so that others have their turn between them. */
export function* jsonPieces(value: JsonValue): Generator<string, void> {
  if (value === null || typeof value !== 'object') {
    yield stringifyJson(value);
  } else if (isArray(value)) {
    yield '[';
    for (let from = 0; from < value.length; from += partSize) {
      const items = stringifyJson(value.slice(from, from + partSize)).slice(1, -1);
      yield from === 0 ? items : `,${items}`;
    }
    yield ']';
  } else {
    yield* fieldPieces(value);
  }
}

function* fieldPieces(value: JsonObject): Generator<string, void> {
  let before = '{';
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field === undefined) continue;
    yield `${before}${stringifyJson(key)}:`;
    yield* jsonPieces(field);
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function decode(body: Uint8Array): string {
  return utf8.decode(body);
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** `undefined` when the text is malformed: our own reader then says where, in Go's words. */
function tryNative(text: string): JsonValue | undefined {
  try {
    // What JSON.parse returns is JSON.
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function countKeys(value: JsonValue): number {
  if (value === null || typeof value !== 'object') return 0;
  let count = 0;
  if (isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const key in value) {
    const field = value[key];
    count += 1;
    if (field !== undefined) count += countKeys(field);
  }
  return count;
}

/** `undefined` when the value holds a bigint, which JSON.stringify refuses. */
function tryStringify(value: JsonValue): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function write(value: JsonValue, options: StringifyOptions, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = options.indent === undefined ? '' : margin + ' '.repeat(options.indent);
  const open = options.indent === undefined ? '' : `\n${inner}`;
  const close = options.indent === undefined ? '' : `\n${margin}`;
  if (isArray(value)) {
    if (value.length === 0) return '[]';
    const items = value.map((item) => write(item, options, inner));
    return `[${open}${items.join(`,${open}`)}${close}]`;
  }
  const colon = options.indent === undefined ? ':' : ': ';
  const fields: string[] = [];
  const keys = Object.keys(value);
  for (const key of options.sortKeys === true ? keys.sort() : keys) {
    const field = value[key];
    if (field === undefined) continue;
    fields.push(`${JSON.stringify(key)}${colon}${write(field, options, inner)}`);
  }
  return fields.length === 0 ? '{}' : `{${open}${fields.join(`,${open}`)}${close}}`;
}

// These five never stand outside of strings, so replacing them in the whole text is safe.
function escapeHtml(text: string): string {
  return needsEscape.test(text) ? text.replace(escaped, (c) => escapes[c] ?? c) : text;
}

const needsEscape = /[<>&\u2028\u2029]/;
const escaped = /[<>&\u2028\u2029]/g;
const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** Array.isArray does not narrow readonly arrays out of a union. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
