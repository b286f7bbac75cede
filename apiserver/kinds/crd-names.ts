/** The names of a CustomResourceDefinition: its own, its group and those of its kind. */
import { asArray, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateDns1035Label, validateDns1123Subdomain } from '../../api/names.ts';
import type { FieldError } from '../../api/status.ts';
import { invalidValue, required } from '../schema/field-error.ts';

const approval = 'api-approved.kubernetes.io';

export function nameErrors(crd: JsonObject): FieldError[] {
  const group = asString(at(crd, 'spec', 'group'));
  return [
    ...ownNameErrors(crd, group),
    ...groupErrors(crd, group),
    ...kindErrors(crd),
    ...objectsOf(at(crd, 'spec', 'versions')).flatMap((version, index) =>
      labelErrors(`spec.versions[${index}].name`, asString(version['name'])),
    ),
    ...onlyVersionErrors(crd),
  ];
}

/** The name of the first version also stands where it was before there were several. */
function onlyVersionErrors(crd: JsonObject): FieldError[] {
  const [first] = objectsOf(at(crd, 'spec', 'versions'));
  return first === undefined ? [] : labelErrors('spec.version', asString(first['name']));
}

function ownNameErrors(crd: JsonObject, group: string): FieldError[] {
  const name = asString(at(crd, 'metadata', 'name'));
  const plural = asString(at(crd, 'spec', 'names', 'plural'));
  if (name === `${plural}.${group}`) return [];
  return [invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
}

function groupErrors(crd: JsonObject, group: string): FieldError[] {
  if (group === '') return [required('spec.group')];
  if (!group.includes('.'))
    return [invalidValue('spec.group', group, 'should be a domain with at least one dot')];
  const errors = validateDns1123Subdomain(group).map((why) =>
    invalidValue('spec.group', group, why),
  );
  const isProtected = ['k8s.io', 'kubernetes.io'].some(
    (domain) => group === domain || group.endsWith(`.${domain}`),
  );
  if (!isProtected || asString(at(crd, 'metadata', 'annotations', approval)) !== '') return errors;
  const why = `protected groups must have approval annotation "${approval}": choose a group of a domain that is yours`;
  return [...errors, required(`metadata.annotations[${approval}]`, why)];
}

function kindErrors(crd: JsonObject): FieldError[] {
  const plural = asString(at(crd, 'spec', 'names', 'plural'));
  const kind = asString(at(crd, 'spec', 'names', 'kind'));
  const listKind = asString(at(crd, 'spec', 'names', 'listKind'));
  const singular = asString(at(crd, 'spec', 'names', 'singular'));
  const list = (name: string) =>
    asArray(at(crd, 'spec', 'names', name)).flatMap((value, index) =>
      labelErrors(`spec.names.${name}[${index}]`, asString(value)),
    );
  const errors = [
    ...labelErrors('spec.names.plural', plural),
    ...(singular === '' ? [] : labelErrors('spec.names.singular', singular)),
    ...list('shortNames'),
    ...list('categories'),
    ...mixedCaseErrors('spec.names.kind', kind),
    ...(kind === '' ? [] : mixedCaseErrors('spec.names.listKind', listKind)),
  ];
  if (kind !== '' && kind === listKind)
    errors.push(
      invalidValue('spec.names.listKind', listKind, 'kind and listKind may not be the same'),
    );
  return errors;
}

function labelErrors(field: string, value: string): FieldError[] {
  if (value === '') return [required(field)];
  return validateDns1035Label(value).map((why) => invalidValue(field, value, why));
}

function mixedCaseErrors(field: string, value: string): FieldError[] {
  if (value === '') return [required(field)];
  return validateDns1035Label(value.toLowerCase()).map((why) =>
    invalidValue(field, value, `may have mixed case, but should otherwise match: ${why}`),
  );
}
