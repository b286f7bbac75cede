/** Regular expressions in Go's form, which take linear time; compiled once each. */
import { RE2JS } from 're2js';
import { declare, matching, type Overload } from '../functions.ts';
import { CelError, ListValue } from '../values.ts';

const maxCached = 256;
const compiled = new Map<string, RE2JS>();

/** Throws `CelError` when it is no regular expression. */
export function regex(source: string): RE2JS {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  let made: RE2JS;
  try {
    made = RE2JS.compile(source);
  } catch (error) {
    throw new CelError(error instanceof Error ? error.message : String(error));
  }
  const oldest = compiled.keys().next().value;
  if (compiled.size >= maxCached && oldest !== undefined) compiled.delete(oldest);
  compiled.set(source, made);
  return made;
}

export function matches(text: string, source: string): boolean {
  return regex(source).test(text);
}

function findAll(text: string, source: string, limit = -1n): ListValue {
  const found: string[] = [];
  const matcher = regex(source).matcher(text);
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find())
    found.push(matcher.group() ?? '');
  return new ListValue(found);
}

function find(text: string, source: string): string {
  const matcher = regex(source).matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}

export const regexLibrary: readonly Overload[] = [
  declare('<string>.find(string): string', find, { cost: matching }),
  declare('<string>.findAll(string): list(string)', findAll, { cost: matching }),
  declare('<string>.findAll(string, int): list(string)', findAll, { cost: matching }),
];
