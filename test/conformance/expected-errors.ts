/** Errors of fields as tables expect them, by type, place and words. */
import type { Json } from './json-path.ts';
import { failed, passed, show, type Verdict } from './verdict.ts';

export interface Expected {
  readonly type: string;
  readonly field: string;
  readonly words: string;
}

export interface Found {
  readonly type: string;
  readonly field: string;
  readonly message: string;
}

/** What a row expects. */
export function expectations(errors: Json): Expected[] {
  return (errors ?? []).map(({ errorType, path, containsString = '' }: Json) => ({
    type: errorType,
    field: pathOf(path),
    words: containsString,
  }));
}

function pathOf(path: Json): string {
  const { name = '', index = '', parent } = path ?? {};
  const own = name === '' && index !== '' ? `[${index}]` : name;
  return parent === undefined ? own : `${pathOf(parent)}${own.startsWith('[') ? '' : '.'}${own}`;
}

/** Every error is expected, and every expected one is there; how often does not count. */
export function pathErrors(
  what: string,
  found: readonly Found[],
  wanted: readonly Expected[],
  place: (field: string) => string = (field) => field,
): Verdict {
  const fits = (want: Expected, got: Found) =>
    typeOf(want.type) === typeOf(got.type) &&
    place(want.field) === place(got.field) &&
    got.message.includes(want.words);
  const missing = wanted.filter((want) => !found.some((got) => fits(want, got)));
  const surplus = found.filter((got) => !wanted.some((want) => fits(want, got)));
  if (missing.length === 0 && surplus.length === 0) return passed;
  const brief = surplus.map(({ type, field, message }) => ({ type, field, message }));
  return failed(what, `missing ${show(missing)}; not expected ${show(brief)}`);
}

/** A wrong type is an invalid value upstream. */
function typeOf(type: string): string {
  return type === 'FieldValueTypeInvalid' ? 'FieldValueInvalid' : type;
}
