import { isArray, isObject } from '../../api/json.ts';
import { type JsonObject, type JsonValue, parseApiVersion } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { child, invalidValue } from './field-error.ts';

/** Each must name its owner in full, and only one may be the controller. */
export function validateOwnerReferences(value: JsonValue | undefined, field: string): FieldError[] {
  if (!isArray(value)) return [];
  const references = value.filter(isObject);
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const reference of references) {
    errors.push(...validateReference(reference, field));
    if (reference['controller'] !== true) continue;
    const name = `${text(reference, 'kind')}/${text(reference, 'name')}`;
    if (controller !== undefined) {
      const detail =
        'Only one reference can have Controller set to true. ' +
        `Found "true" in references for ${controller} and ${name}`;
      errors.push(invalidValue(field, value, detail));
    } else controller = name;
  }
  return errors;
}

function validateReference(reference: JsonObject, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const apiVersion = text(reference, 'apiVersion');
  const { group, version } = parseApiVersion(apiVersion);
  if (version === '') {
    errors.push(invalidValue(child(field, 'apiVersion'), apiVersion, 'version must not be empty'));
  }
  for (const name of ['kind', 'name', 'uid']) {
    if (text(reference, name) === '') {
      errors.push(invalidValue(child(field, name), '', `${name} must not be empty`));
    }
  }
  const kind = text(reference, 'kind');
  if (kind === 'Event' && version === 'v1' && (group === '' || group === 'events.k8s.io')) {
    const detail = `${group}/${version}, Kind=${kind} is disallowed from being an owner`;
    errors.push(invalidValue(field, reference, detail));
  }
  return errors;
}

function text(object: JsonObject, field: string): string {
  const value = object[field];
  return typeof value === 'string' ? value : '';
}
