/** `volumeClaimTemplates` of a Workload: whom they are for, what they may say, and what of them may change. */
import { asArray, asObject, asString, at, objectsOf } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { FieldError } from '../../api/status.ts';
import { duplicateValue, forbiddenField } from '../schema/field-error.ts';
import { volumeChangeErrors, volumeSpecErrors } from './volume.ts';

const path = 'spec.volumeClaimTemplates';

/** The pod with the volumes that its instances will have besides. */
export function withClaims(pod: JsonObject, workload: JsonObject): JsonObject {
  const own = templatesOf(workload).map((template) => ({ name: nameOf(template) }));
  return own.length === 0 ? pod : { ...pod, volumes: [...asArray(pod['volumes']), ...own] };
}

export function claimTemplateErrors(
  workload: JsonObject,
  old: JsonObject | undefined,
): FieldError[] {
  const templates = templatesOf(workload);
  const errors = templates.length === 0 ? [] : ownerErrors(workload);
  const volumes = objectsOf(at(workload, 'spec', 'template', 'spec', 'volumes'));
  const names = new Set(volumes.map(({ name }) => asString(name)));
  for (const [index, template] of templates.entries()) {
    const [name, field] = [nameOf(template), `${path}[${index}]`];
    if (names.has(name)) errors.push(duplicateValue(`${field}.metadata.name`, name));
    names.add(name);
    const spec = asObject(template['spec']) ?? {};
    errors.push(...volumeSpecErrors(spec, `${field}.spec`));
    for (const part of ['nodeName', 'allocation', 'source'].filter(
      (each) => spec[each] !== undefined,
    )) {
      const why = 'is of one Volume, and this makes many: make that Volume yourself';
      errors.push(forbiddenField(`${field}.spec.${part}`, why));
    }
  }
  return old === undefined ? errors : [...errors, ...changeErrors(templates, templatesOf(old))];
}

function ownerErrors(workload: JsonObject): FieldError[] {
  const { identity, type = 'Service' } = asObject(workload['spec']) ?? {};
  const errors: FieldError[] = [];
  if (identity !== 'Stable') {
    const why = 'instances of identity Ephemeral have new names each time: set identity to Stable';
    errors.push(forbiddenField(path, why));
  }
  if (type !== 'Service')
    errors.push(forbiddenField(path, `a workload of type ${type} cannot keep Volumes`));
  return errors;
}

/** Instances that are there have the Volumes they have. */
function changeErrors(templates: readonly JsonObject[], before: readonly JsonObject[]) {
  const names = (list: readonly JsonObject[]) => list.map(nameOf).sort().join();
  if (names(templates) !== names(before)) {
    const why = 'templates are neither added nor taken away later: make another workload';
    return [forbiddenField(path, why)];
  }
  return templates.flatMap((template, index) => {
    const old = before.find((each) => nameOf(each) === nameOf(template));
    const [spec, was] = [template, old].map((each) => asObject(each?.['spec']) ?? {});
    return volumeChangeErrors(spec ?? {}, was ?? {}, `${path}[${index}].spec`);
  });
}

function templatesOf(workload: JsonObject): readonly JsonObject[] {
  return objectsOf(at(workload, 'spec', 'volumeClaimTemplates'));
}

function nameOf(template: JsonObject): string {
  return asString(at(template, 'metadata', 'name'));
}
