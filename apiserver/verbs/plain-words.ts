/**
 * Schema errors as a person reads them. Upstream checks its built-in kinds by hand, in better words than its
 * schema validator has; ours are checked by their schemas, so the words are put right afterwards.
 */
import { validateDns1123Label } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';

export const quantityRemedy =
  'must be a quantity: a number with an optional unit, such as 500m, 1.5, 128Mi or 2Gi';

const labelPattern = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';
const [labelRemedy = ''] = validateDns1123Label('-');

/** The same errors, reworded where we know better; what comes to the same is told once. */
export function inPlainWords(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors.map(reworded).filter(({ field, message }) => {
    const id = `${field}: ${message}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

function reworded(error: FieldError): FieldError {
  const { field, message } = error;
  const pattern = /^(Invalid value: .*): \S+ in body should match '(.*)'$/s.exec(message);
  if (pattern !== null) {
    const [, value = '', expression = ''] = pattern;
    if (expression === labelPattern) return { ...error, message: `${value}: ${labelRemedy}` };
    if (expression.includes('[numkMGTPE]')) return quantityError(field, value);
  }
  const quantity = /^(Invalid value: .*): \S+ in body must be of type quantity: /s.exec(message);
  if (quantity !== null) return quantityError(field, quantity[1] ?? '');
  if (/ in body should (have at least 1 items|be at least 1 chars long)$/.test(message))
    return { field, type: 'FieldValueRequired', message: 'Required value: may not be empty' };
  return duplicateKey(error);
}

function quantityError(field: string, value: string): FieldError {
  return { field, type: 'FieldValueInvalid', message: `${value}: ${quantityRemedy}` };
}

/** `containers[1]: Duplicate value: {"name":"a"}` → `containers[1].name: Duplicate value: "a"`. */
function duplicateKey(error: FieldError): FieldError {
  const match = /^Duplicate value: \{"([A-Za-z]+)":("[^"]*"|\d+)\}$/.exec(error.message);
  if (match === null) return error;
  const [, key = '', value = ''] = match;
  return { ...error, field: `${error.field}.${key}`, message: `Duplicate value: ${value}` };
}
