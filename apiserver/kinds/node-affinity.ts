/**
 * Node affinity of pods and pod templates: conditions that could never hold are refused.
 * Source: Kubernetes v1.36, `pkg/apis/core/validation/validation.go`, ValidateNodeSelectorRequirement.
 */
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateQualifiedName } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { forbiddenField, invalidValue, notSupported, required } from '../schema/field-error.ts';

const requiredField = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredField = 'preferredDuringSchedulingIgnoredDuringExecution';
const nameField = 'metadata.name';

export function nodeAffinityErrors(spec: JsonObject, path: string): FieldError[] {
  const affinity = asObject(at(spec, 'affinity', 'nodeAffinity'));
  if (affinity === undefined) return [];
  const field = `${path}.affinity.nodeAffinity`;
  const preferred = asArray(affinity[preferredField]).flatMap((value, index) => {
    const preference = asObject(asObject(value)?.['preference']) ?? {};
    return termErrors(preference, `${field}.${preferredField}[${index}].preference`);
  });
  const selector = asObject(affinity[requiredField]);
  if (selector === undefined) return preferred;
  const list = `${field}.${requiredField}.nodeSelectorTerms`;
  const terms = asArray(selector['nodeSelectorTerms']);
  if (terms.length === 0) {
    return [required(list, 'must have at least one node selector term'), ...preferred];
  }
  return [
    ...terms.flatMap((term, index) => termErrors(asObject(term) ?? {}, `${list}[${index}]`)),
    ...preferred,
  ];
}

function termErrors(term: JsonObject, path: string): FieldError[] {
  return [
    ...asArray(term['matchExpressions']).flatMap((value, index) =>
      labelErrors(asObject(value) ?? {}, `${path}.matchExpressions[${index}]`),
    ),
    ...asArray(term['matchFields']).flatMap((value, index) =>
      fieldErrors(asObject(value) ?? {}, `${path}.matchFields[${index}]`),
    ),
  ];
}

function labelErrors(requirement: JsonObject, path: string): FieldError[] {
  const key = asString(requirement['key']);
  const why = validateQualifiedName(key).map((text) => invalidValue(`${path}.key`, key, text));
  return [...valueErrors(requirement, `${path}.values`), ...why];
}

function valueErrors(requirement: JsonObject, field: string): FieldError[] {
  const values = asArray(requirement['values']);
  switch (requirement['operator']) {
    case 'In':
    case 'NotIn':
      if (values.length > 0) return [];
      return [required(field, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      if (values.length === 0) return [];
      return [
        forbiddenField(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      ];
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        const why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
        return [required(field, why)];
      }
      if (/^[-+]?\d{1,19}$/.test(asString(values[0]))) return [];
      return [
        invalidValue(
          `${field}[0]`,
          values[0],
          'must be a whole number: nothing else is less or more',
        ),
      ];
    default:
      return []; // The schema names the operators there are.
  }
}

function fieldErrors(requirement: JsonObject, path: string): FieldError[] {
  const { key = '', operator = '', values } = requirement;
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(notSupported(`${path}.operator`, operator, ['In', 'NotIn']));
  } else if (asArray(values).length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${path}.values`, why));
  }
  if (key !== nameField) {
    errors.push(
      invalidValue(`${path}.key`, key, `not a valid field selector key: use ${nameField}`),
    );
  }
  return errors;
}
