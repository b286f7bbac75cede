/**
 * Texts: cel-go's extension in its second version, which Kubernetes uses.
 * Source: cel-go `ext/strings.go`. Positions count characters, not bytes.
 */
import { declare, joining, type Overload, traversal } from '../functions.ts';
import { CelError, ListValue } from '../values.ts';
import { format } from './string-format.ts';

export const stringLibrary: readonly Overload[] = [
  declare('<string>.charAt(int): string', charAt),
  ...positions(),
  declare('<string>.lowerAscii(): string', (text: string) => ascii(text, /[A-Z]+/g, 'lower'), {
    cost: traversal(),
  }),
  declare('<string>.upperAscii(): string', (text: string) => ascii(text, /[a-z]+/g, 'upper'), {
    cost: traversal(),
  }),
  declare(
    '<string>.trim(): string',
    (text: string) => text.replace(/^[\s\u0085]+|[\s\u0085]+$/g, ''),
    {
      cost: traversal(),
    },
  ),
  declare('<string>.replace(string, string): string', replace, { cost: traversal(2) }),
  declare('<string>.replace(string, string, int): string', replace, { cost: traversal(2) }),
  declare('<string>.split(string): list(string)', split, { cost: traversal(2) }),
  declare('<string>.split(string, int): list(string)', split, { cost: traversal(2) }),
  declare('<string>.substring(int): string', substring, { cost: traversal() }),
  declare('<string>.substring(int, int): string', substring, { cost: traversal() }),
  declare('<list(string)>.join(): string', (list: ListValue) => joined(list, ''), {
    cost: joining,
  }),
  declare('<list(string)>.join(string): string', joined, {
    cost: joining,
  }),
  declare('<string>.format(list(dyn)): string', format, { cost: traversal() }),
  declare('strings.quote(string): string', (text: string) => quote(text), { cost: traversal() }),
  declare('<string>.reverse(): string', (text: string) => [...text].reverse().join('')),
];

function positions(): Overload[] {
  const whole = { traverses: true };
  return [
    declare('<string>.indexOf(string): int', indexOf, whole),
    declare('<string>.indexOf(string, int): int', indexOf, whole),
    declare('<string>.lastIndexOf(string): int', lastIndexOf, whole),
    declare('<string>.lastIndexOf(string, int): int', lastIndexOf, whole),
  ];
}

function charAt(text: string, index: bigint): string {
  const chars = [...text];
  const at = Number(index);
  if (at < 0 || at > chars.length) throw new CelError(`index out of range: ${index}`);
  return chars[at] ?? '';
}

function indexOf(text: string, part: string, offset = 0n): bigint {
  const [chars, wanted] = [[...text], [...part]];
  const start = Number(offset);
  if (start < 0 || start > chars.length) throw new CelError(`index out of range: ${offset}`);
  for (let i = start; i <= chars.length - wanted.length; i += 1)
    if (wanted.every((char, k) => chars[i + k] === char)) return BigInt(i);
  return -1n;
}

function lastIndexOf(text: string, part: string, offset?: bigint): bigint {
  const [chars, wanted] = [[...text], [...part]];
  const last = Number(offset ?? chars.length);
  if (last < 0 || (last >= chars.length && offset !== undefined && wanted.length > 0))
    throw new CelError(`index out of range: ${offset}`);
  for (let i = Math.min(last, chars.length - wanted.length); i >= 0; i -= 1)
    if (wanted.every((char, k) => chars[i + k] === char)) return BigInt(i);
  return -1n;
}

function ascii(text: string, letters: RegExp, to: 'lower' | 'upper'): string {
  return text.replace(letters, (run) => (to === 'lower' ? run.toLowerCase() : run.toUpperCase()));
}

function replace(text: string, part: string, by: string, limit = -1n): string {
  const count = limit < 0n ? Number.POSITIVE_INFINITY : Number(limit);
  if (part === '') {
    // Between all characters, and at both ends.
    const chars = [...text];
    limited(text.length + Math.min(count, chars.length + 1) * by.length);
    return chars
      .map((char, i) => (i < count ? by + char : char))
      .concat(chars.length < count ? [by] : [])
      .join('');
  }
  const pieces = text.split(part);
  limited(text.length + Math.min(count, pieces.length) * by.length);
  return pieces.reduce((all, piece, i) => all + (i <= count ? by : part) + piece);
}

/** Costs are counted when a text is there: one that would fill the memory must not be made at all. */
function limited(length: number): void {
  if (length > maxTextLength) throw new CelError('resulting string is too long');
}

/** Several times what a request can hold. */
const maxTextLength = 16 * 1024 * 1024;

function joined({ items }: ListValue, by: string): string {
  limited(items.reduce<number>((sum, item) => sum + String(item).length + by.length, 0));
  return items.join(by);
}

function split(text: string, by: string, limit = -1n): ListValue {
  if (limit === 0n) return new ListValue([]);
  const pieces = by === '' ? [...text] : text.split(by);
  const count = Number(limit);
  if (limit < 0n || pieces.length <= count) return new ListValue(pieces);
  const rest = pieces.slice(count - 1).join(by);
  return new ListValue([...pieces.slice(0, count - 1), rest]);
}

function substring(text: string, from: bigint, to?: bigint): string {
  const chars = [...text];
  const [start, end] = [Number(from), Number(to ?? chars.length)];
  if (start < 0 || start > chars.length) throw new CelError(`index out of range: ${from}`);
  if (end < 0 || end > chars.length) throw new CelError(`index out of range: ${to}`);
  if (start > end)
    throw new CelError(`invalid substring range. start: ${from}, end: ${to ?? chars.length}`);
  return chars.slice(start, end).join('');
}

function quote(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '\x07': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\v': '\\v',
    '\\': '\\\\',
    '"': '\\"',
  };
  return `"${[...text].map((char) => escapes[char] ?? char).join('')}"`;
}
