/**
 * The errors of validation, in upstream's words and with its way of showing values.
 * Source: Kubernetes apimachinery v0.36, `pkg/util/validation/field/errors.go`.
 */
import type { JsonValue } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { stringifyJson } from '../wire/json.ts';

/** A value as messages show it: JSON with sorted keys. */
export function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'null';
  return typeof value === 'string' ? quote(value) : plain(stringifyJson(value, { sortKeys: true }));
}

export function required(field: string, detail = ''): FieldError {
  return { field, type: 'FieldValueRequired', message: withDetail('Required value', detail) };
}

export function invalidValue(
  field: string,
  value: JsonValue | undefined,
  detail: string,
): FieldError {
  const message = withDetail(`Invalid value: ${show(value)}`, detail);
  return { field, type: 'FieldValueInvalid', message };
}

export function typeInvalid(field: string, value: JsonValue, detail: string): FieldError {
  return { ...invalidValue(field, value, detail), type: 'FieldValueTypeInvalid' };
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { field, type: 'FieldValueForbidden', message: withDetail('Forbidden', detail) };
}

export function duplicateValue(field: string, value: JsonValue): FieldError {
  return { field, type: 'FieldValueDuplicate', message: `Duplicate value: ${show(value)}` };
}

export function notSupported(
  field: string,
  value: JsonValue,
  supported: readonly JsonValue[],
): FieldError {
  const list = supported.map((item) => quote(typeof item === 'string' ? item : show(item)));
  const message = `Unsupported value: ${show(value)}: supported values: ${list.join(', ')}`;
  return { field, type: 'FieldValueNotSupported', message };
}

export function tooLong(field: string, maxBytes: number): FieldError {
  const message = `Too long: may not be more than ${maxBytes} bytes`;
  return { field, type: 'FieldValueTooLong', message };
}

export function tooMany(field: string, actual: number, max: number): FieldError {
  const items = max === 1 ? 'item' : 'items';
  const message = `Too many: ${actual}: must have at most ${max} ${items}`;
  return { field, type: 'FieldValueTooMany', message };
}

/** `a` and `b` make `a.b`; nothing and `b` make `b`. */
export function child(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** How a path without any element is shown. */
export function shownPath(path: string): string {
  return path === '' ? '<nil>' : path;
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** Messages are read by people: without the escapes that keep HTML away. */
function plain(json: string): string {
  return json.replace(/\\u003([ce])|\\u0026/g, (found) =>
    found === '\\u003c' ? '<' : found === '\\u003e' ? '>' : '&',
  );
}
