/**
 * The exact, slower half of `json.ts`: a scanner that finds what is special, and a reader that
 * handles it.
 */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import { WireError } from './wire-error.ts';

/** What the scanner saw. */
export interface Scan {
  /** Colons outside of strings: as many as there are keys in the text. */
  readonly colons: number;
  /** Whether the native parser may get something wrong: numbers, surrogates, `__proto__`, depth. */
  readonly special: boolean;
}

/** One pass over the text without building anything; malformed text may give any answer. */
export function scanJson(text: string, maxDepth: number): Scan {
  let colons = 0;
  let depth = 0;
  let deepest = 0;
  let digits = 0;
  let longNumber = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      digits += 1;
      if (digits >= 16) longNumber = true;
      continue;
    }
    // An exponent, which may be too large for a double.
    if (digits > 0 && (c === 101 || c === 69)) longNumber = true;
    digits = 0;
    if (c === 34) i = endOfString(text, i);
    else if (c === 58) colons += 1;
    else if (c === 123 || c === 91) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (c === 125 || c === 93) depth -= 1;
  }
  const special = longNumber || deepest > maxDepth || oddStrings.test(text);
  return { colons, special };
}

// Escaped surrogates may stand alone; `__proto__` may be spelt with escapes, so any escaped `_`
// counts.
const oddStrings = /\\u[dD][89a-fA-F]|__proto__|\\u005[fF]/;

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 92) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Reads the text character by character; throws `WireError`. */
export function readJson(
  text: string,
  maxDepth: number,
): { value: JsonValue; duplicates: readonly string[] } {
  const reader = new Reader(text, maxDepth);
  const value = reader.document();
  return { value, duplicates: [...reader.duplicates] };
}

class Reader {
  readonly duplicates = new Set<string>();
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #path: string[] = [];

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): JsonValue {
    const value = this.#value(0);
    if (this.#peek() !== '') throw this.#unexpected('after top-level value');
    return value;
  }

  #value(depth: number): JsonValue {
    const c = this.#peek();
    if (c === '{') return this.#object(depth + 1);
    if (c === '[') return this.#array(depth + 1);
    if (c === '"') return this.#string();
    if (c === 't') return this.#literal('true', true);
    if (c === 'f') return this.#literal('false', false);
    if (c === 'n') return this.#literal('null', null);
    if (c === '-' || isDigit(c)) return this.#number();
    throw this.#unexpected('looking for beginning of value');
  }

  #object(depth: number): JsonValue {
    this.#enter(depth);
    const object: JsonObject = {};
    const level = this.#path.push('') - 1;
    if (this.#peek() === '}') this.#at += 1;
    else
      for (;;) {
        if (this.#peek() !== '"') {
          throw this.#unexpected('looking for beginning of object key string');
        }
        const start = this.#at;
        const key = this.#string();
        if (key === '__proto__') {
          throw new WireError('Forbidden', 'the field name "__proto__" is not allowed', start);
        }
        this.#path[level] = level === 0 ? key : `.${key}`;
        if (Object.hasOwn(object, key)) this.duplicates.add(this.#path.join(''));
        if (this.#peek() !== ':') throw this.#unexpected('after object key');
        this.#at += 1;
        object[key] = this.#value(depth);
        if (this.#more('}', 'after object key:value pair')) break;
      }
    this.#path.pop();
    return object;
  }

  #array(depth: number): JsonValue {
    this.#enter(depth);
    const items: JsonValue[] = [];
    const level = this.#path.push('') - 1;
    if (this.#peek() === ']') this.#at += 1;
    else
      for (;;) {
        this.#path[level] = `[${items.length}]`;
        items.push(this.#value(depth));
        if (this.#more(']', 'after array element')) break;
      }
    this.#path.pop();
    return items;
  }

  /** Whether the list or object ends here. */
  #more(close: string, where: string): boolean {
    const c = this.#peek();
    if (c !== ',' && c !== close) throw this.#unexpected(where);
    this.#at += 1;
    return c === close;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw new WireError('TooDeep', 'exceeded max depth', this.#at);
    this.#at += 1;
  }

  #string(): string {
    let out = '';
    this.#at += 1;
    for (;;) {
      const c = this.#text[this.#at] ?? '';
      if (c === '"') break;
      if (c === '\\') out += this.#escape();
      else if (c < ' ') throw this.#unexpected('in string literal');
      else {
        out += c;
        this.#at += 1;
      }
    }
    this.#at += 1;
    return out.replace(loneSurrogates, '\ufffd');
  }

  #escape(): string {
    this.#at += 1;
    const c = this.#text[this.#at] ?? '';
    const plain = plainEscapes.get(c);
    if (plain === undefined && c !== 'u') throw this.#unexpected('in string escape code');
    this.#at += 1;
    if (plain !== undefined) return plain;
    const start = this.#at;
    for (; this.#at < start + 4; this.#at += 1) {
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? '')) {
        throw this.#unexpected('in \\u hexadecimal character escape');
      }
    }
    return String.fromCharCode(Number.parseInt(this.#text.slice(start, this.#at), 16));
  }

  #number(): number | bigint {
    const start = this.#at;
    if (this.#text[this.#at] === '-') this.#at += 1;
    if (this.#text[this.#at] === '0') this.#at += 1;
    else this.#digits('in numeric literal');
    let whole = true;
    if (this.#text[this.#at] === '.') {
      whole = false;
      this.#at += 1;
      this.#digits('after decimal point in numeric literal');
    }
    if (/^[eE]$/.test(this.#text[this.#at] ?? '')) {
      whole = false;
      this.#at += 1;
      if (/^[-+]$/.test(this.#text[this.#at] ?? '')) this.#at += 1;
      this.#digits('in exponent of numeric literal');
    }
    const literal = this.#text.slice(start, this.#at);
    const number = Number(literal);
    if (!Number.isFinite(number)) {
      throw new WireError('Syntax', `cannot unmarshal number ${literal}: out of range`, start);
    }
    if (!whole || Number.isSafeInteger(number)) return number;
    const exact = BigInt(literal);
    return BigInt.asIntN(64, exact) === exact ? exact : number;
  }

  #digits(where: string): void {
    if (!isDigit(this.#text[this.#at] ?? '')) throw this.#unexpected(where);
    while (isDigit(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #literal<T extends JsonValue>(word: string, value: T): T {
    for (const [i, c] of [...word].entries()) {
      if (this.#text[this.#at] !== c) {
        throw this.#unexpected(i === 0 ? '' : `in literal ${word} (expecting '${c}')`);
      }
      this.#at += 1;
    }
    return value;
  }

  /** The next character that is no white space; '' at the end. */
  #peek(): string {
    for (;;) {
      const c = this.#text[this.#at] ?? '';
      if (c !== ' ' && c !== '\n' && c !== '\t' && c !== '\r') return c;
      this.#at += 1;
    }
  }

  #unexpected(where: string): WireError {
    const c = this.#text[this.#at];
    if (c === undefined) {
      return new WireError('Syntax', 'unexpected end of JSON input', this.#at);
    }
    return new WireError('Syntax', `invalid character ${quoteRune(c)} ${where}`, this.#at);
  }
}

const plainEscapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function isDigit(c: string): boolean {
  return c >= '0' && c <= '9' && c.length === 1;
}

/** As Go shows a character in an error. */
function quoteRune(c: string): string {
  if (c === "'") return "'\\''";
  if (c === '"') return `'"'`;
  return `'${JSON.stringify(c).slice(1, -1)}'`;
}
