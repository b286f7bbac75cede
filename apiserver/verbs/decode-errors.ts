/**
 * What Go's decoder would not have read. Upstream decodes its built-in kinds into structures, so that a value
 * of a wrong type ends the request before anything else is looked at: 400 for a body, 422 for a patch. Ours
 * are found by the schema, and so the field can be named, which Go's words often do not.
 */
import { type FieldError, StatusError } from '../../api/status.ts';
import type { ServedKind } from '../registry/served-kind.ts';
import { quantityRemedy } from './plain-words.ts';

/** Makes the answer from the words. */
export type ErrorOf = (message: string) => StatusError;

/** 400: the body is no object of that kind. */
export function cannotHandle({ kind, version }: Pick<ServedKind, 'kind' | 'version'>): ErrorOf {
  const start = `${kind} in version "${version}" cannot be handled as a ${kind}`;
  return (message) => new StatusError(400, 'BadRequest', `${start}: ${message}`);
}

/** The first of the schema's errors that the decoder would have stumbled over, in words. */
export function undecodable(errors: readonly FieldError[]): string | undefined {
  for (const error of errors) {
    const words = wordsOf(error);
    if (words !== undefined) return words;
  }
  return undefined;
}

/** How the formats are called that are types of their own in Go. */
const formatNames: Readonly<Record<string, string>> = {
  byte: 'must be text in base64',
  quantity: quantityRemedy,
  'date-time': 'must be a time as RFC 3339 has it, such as 2006-01-02T15:04:05Z',
  'micro-time': 'must be a time with microseconds, such as 2006-01-02T15:04:05.000000Z',
};

function wordsOf({ field, type, message }: FieldError): string | undefined {
  const range = /^Invalid value: "": Checked value must be (of type .+) in (.+)$/.exec(message);
  if (range !== null) return `${range[2]}: must be ${range[1]}`;
  // Quantities that may also be numbers are checked by a pattern.
  const odd = /^Invalid value: "(.*)": .* in body should match '.*\[numkMGTPE\]/s.exec(message);
  if (odd !== null) return `${field}: "${odd[1]}" ${quantityRemedy}`;
  if (type !== 'FieldValueTypeInvalid') return undefined;
  const wrong = / in body must be of type ([^:]+): "(.*)"$/s.exec(message);
  if (wrong === null) return `${field}: ${message}`;
  const [, wanted = '', found] = wrong;
  if (wanted === 'quantity') return `${field}: "${found}" ${quantityRemedy}`;
  // Other values are not shown: they may be secrets.
  return `${field}: ${formatNames[wanted] ?? `must be of type ${wanted}, not ${found}`}`;
}
