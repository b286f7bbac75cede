/** The words of an expression. */
import { CelSyntaxError } from './ast.ts';
import { isInt64, isUint64, Uint, type Value } from './values.ts';

export type Token =
  | { readonly type: 'ident' | 'quoted' | 'op' | 'end'; readonly at: number; readonly text: string }
  | {
      readonly type: 'literal';
      readonly at: number;
      readonly text: string;
      readonly value: Value;
    };

const spacePattern = /(?:[ \t\r\n\f]|\/\/[^\n]*)+/y;
const wordPattern = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const backtickPattern = /`([a-zA-Z0-9_.\-/ ]+)`/y;
const numberPattern =
  /0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+[uU]?/y;
const stringPattern = /(?:[rR][bB]?|[bB][rR]?)?(?:"""|'''|"|')/y;
const opPattern = /&&|\|\||==|!=|<=|>=|\[\?|\{\?|\.\?|[-+*/%<>!?:.,()[\]{}]/y;

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source) ?? undefined;
  };
  for (;;) {
    at += match(spacePattern)?.[0].length ?? 0;
    if (at >= source.length) break;
    const token = next(source, at, match);
    tokens.push(token.token);
    at = token.end;
  }
  tokens.push({ type: 'end', at: source.length, text: '<EOF>' });
  return tokens;
}

function next(
  source: string,
  at: number,
  match: (pattern: RegExp) => RegExpExecArray | undefined,
): { readonly token: Token; readonly end: number } {
  const quote = match(stringPattern);
  if (quote !== undefined) return readString(source, at, quote[0]);
  const word = match(wordPattern)?.[0];
  if (word !== undefined)
    return { token: { type: 'ident', at, text: word }, end: at + word.length };
  const quoted = match(backtickPattern);
  if (quoted !== undefined) {
    const token: Token = { type: 'quoted', at, text: quoted[1] ?? '' };
    return { token, end: at + quoted[0].length };
  }
  const number = match(numberPattern)?.[0];
  if (number !== undefined) {
    const token: Token = { type: 'literal', at, text: number, value: numberValue(number, at) };
    return { token, end: at + number.length };
  }
  const op = match(opPattern)?.[0];
  if (op !== undefined) return { token: { type: 'op', at, text: op }, end: at + op.length };
  throw new CelSyntaxError(
    at,
    `Syntax error: token recognition error at: '${source.slice(at, at + 1)}'`,
  );
}

/** The sign is the parser's, which joins it to the smallest int. */
function numberValue(text: string, at: number): Value {
  if (/^\d*\.\d|^\d+[eE]/.test(text)) return Number(text);
  if (/[uU]$/.test(text)) {
    const value = BigInt(text.slice(0, -1));
    if (!isUint64(value)) throw new CelSyntaxError(at, 'invalid uint literal');
    return new Uint(value);
  }
  const value = BigInt(text);
  if (!isInt64(value - 1n)) throw new CelSyntaxError(at, 'invalid int literal');
  return value;
}

function readString(source: string, start: number, opening: string) {
  const quote = opening.replace(/^[rRbB]+/, '');
  const prefix = opening.slice(0, opening.length - quote.length).toLowerCase();
  const raw = prefix.includes('r');
  let at = start + opening.length;
  let inner = '';
  for (;;) {
    if (source.startsWith(quote, at)) break;
    const char = source.charAt(at);
    if (char === '' || (quote.length === 1 && (char === '\n' || char === '\r')))
      throw new CelSyntaxError(
        start,
        `Syntax error: token recognition error at: '${source.slice(start)}'`,
      );
    const length = char === '\\' && !raw ? 2 : 1;
    inner += source.slice(at, at + length);
    at += length;
  }
  const end = at + quote.length;
  const text = source.slice(start, end);
  const value = prefix.includes('b')
    ? new Uint8Array(bytesOf(inner, raw, start))
    : raw
      ? inner
      : unescaped(inner, start);
  const token: Token = { type: 'literal', at: start, text, value };
  return { token, end };
}

const escapePattern =
  /\\(?:([abfnrtv\\?"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.|$))/gs;
const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescaped(text: string, at: number): string {
  return text.replace(escapePattern, (_, plain, hex, short, long, octal) => {
    if (plain !== undefined) return simple[plain] ?? plain;
    const digits = hex ?? short ?? long;
    const code =
      digits !== undefined ? Number.parseInt(digits, 16) : Number.parseInt(octal ?? '', 8);
    if (Number.isNaN(code) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw new CelSyntaxError(at, 'Syntax error: invalid escape sequence');
    return String.fromCodePoint(code);
  });
}

/** In bytes `\xff` and `\377` are one byte each. */
function bytesOf(text: string, raw: boolean, at: number): number[] {
  if (raw) return [...Buffer.from(text)];
  const bytes: number[] = [];
  let last = 0;
  for (const match of text.matchAll(escapePattern)) {
    bytes.push(...Buffer.from(text.slice(last, match.index)));
    const [whole, , hex, , , octal] = match;
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else bytes.push(...Buffer.from(unescaped(whole, at)));
    last = match.index + whole.length;
  }
  bytes.push(...Buffer.from(text.slice(last)));
  return bytes;
}
