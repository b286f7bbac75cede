/**
 * Field selectors: `status.phase=Running,spec.nodeName!=a`. Which fields a kind knows is not said here.
 * Source: Kubernetes apimachinery v0.32, `pkg/fields/selector.go`.
 */
import { badRequest } from './status.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All requirements must hold; without any, everything matches. */
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  /** `get` gives the text of a field, the empty string if it is absent. */
  matches(get: (field: string) => string): boolean;
  toString(): string;
}

/** Reads a selector as in `?fieldSelector=`; throws a `StatusError` BadRequest in upstream's words. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (match === null) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = '', operator, value = ''] = match;
    requirements.push({
      field,
      operator: operator === '!=' ? '!=' : '=',
      value: unescapeValue(value),
    });
  }
  return selectorOf(requirements);
}

function selectorOf(requirements: readonly FieldRequirement[]): FieldSelector {
  return {
    requirements,
    matches: (get) =>
      requirements.every(
        ({ field, operator, value }) => (get(field) === value) === (operator === '='),
      ),
    toString: () =>
      requirements
        .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
        .join(','),
  };
}

/** Writes a value so that `parseFieldSelector` reads it back. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (c) => `\\${c}`);
}

/** At commas, but not at escaped ones. */
function splitTerms(text: string): string[] {
  if (text === '') return [];
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(value: string): string {
  let plain = '';
  for (let i = 0; i < value.length; i += 1) {
    const c = value.charAt(i);
    if (c === '\\') {
      i += 1;
      const escaped = value.charAt(i);
      if (escaped === '' || !'\\,='.includes(escaped)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${escaped}`);
      }
      plain += escaped;
    } else if (c === '=' || c === ',') {
      // Upstream prints the character as a number.
      throw badRequest(`invalid field selector: unescaped character in value: ${c.charCodeAt(0)}`);
    } else {
      plain += c;
    }
  }
  return plain;
}
