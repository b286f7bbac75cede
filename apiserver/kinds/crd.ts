/** CustomResourceDefinition: defaults of its names, and the rules of structural schemas. */
import type { JsonObject } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { validateStructural } from '../schema/index.ts';
import { asArray, asObject, asString, at, child, equal } from '../../api/json.ts';
import { wrong } from './pod-spec.ts';
import { plainStrategy, type Strategy } from './strategy.ts';

/** Keeps the definition until its objects are deleted; taken off by the establisher. */
export const crdFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const crdStrategy: Strategy = {
  ...plainStrategy,
  generation: true,
  qualifiedFinalizers: false,
  prepareForCreate(crd) {
    defaultNames(crd);
    crd['status'] = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: asArray(at(crd, 'spec', 'versions'))
        .map(asObject)
        .filter((version) => version?.['storage'] === true)
        .map((version) => asString(version?.['name'])),
    };
    const metadata = child(crd, 'metadata');
    const finalizers = asArray(metadata['finalizers']);
    if (!finalizers.includes(crdFinalizer)) metadata['finalizers'] = [...finalizers, crdFinalizer];
  },
  prepareForUpdate(crd, old) {
    defaultNames(crd);
    crd['status'] = old['status'];
  },
  validate(crd, old) {
    const errors = [...nameErrors(crd), ...versionErrors(crd)];
    if (old !== undefined) errors.push(...immutableErrors(crd, old));
    return errors;
  },
};

function defaultNames(crd: JsonObject): void {
  const spec = child(crd, 'spec');
  const names = child(spec, 'names');
  const kind = asString(names['kind']);
  if (asString(names['singular']) === '') names['singular'] = kind.toLowerCase();
  if (asString(names['listKind']) === '') names['listKind'] = `${kind}List`;
  if (spec['conversion'] === undefined) spec['conversion'] = { strategy: 'None' };
}

function nameErrors(crd: JsonObject): FieldError[] {
  const plural = asString(at(crd, 'spec', 'names', 'plural'));
  const group = asString(at(crd, 'spec', 'group'));
  const name = asString(at(crd, 'metadata', 'name'));
  const errors: FieldError[] = [];
  if (name !== `${plural}.${group}`)
    errors.push(
      invalidValue('metadata.name', name,
        'must be spec.names.plural+"."+spec.group',
      ),
    );
  if (plural !== plural.toLowerCase())
    errors.push(invalidValue('spec.names.plural', plural, 'must be lowercase'));
  return errors;
}

function versionErrors(crd: JsonObject): FieldError[] {
  const versions = asArray(at(crd, 'spec', 'versions')).map((version) => asObject(version) ?? {});
  const errors: FieldError[] = [];
  const storage = versions.filter((version) => version['storage'] === true).length;
  if (versions.length > 0 && storage !== 1)
    errors.push(
      wrong(
        'spec.versions',
        'null',
        'must have exactly one version marked as storage version',
      ),
    );
  versions.forEach((version, index) => {
    const schema = asObject(at(version, 'schema', 'openAPIV3Schema'));
    // Upstream names the only version's schema by its old place.
    const path =
      versions.length === 1
        ? 'spec.validation.openAPIV3Schema'
        : `spec.versions[${index}].schema.openAPIV3Schema`;
    if (schema === undefined) {
      errors.push({
        field: `spec.versions[${index}].schema.openAPIV3Schema`,
        type: 'FieldValueRequired',
        message: 'Required value: schemas are required',
      });
      return;
    }
    // The schema's own shape is what validateStructural judges.
    errors.push(...prefixed(validateStructural(schema as Schema), path));
  });
  return errors;
}

function prefixed(errors: readonly FieldError[], path: string): FieldError[] {
  return errors.map((error) => ({
    ...error,
    field: error.field === '' ? path : `${path}.${error.field}`,
  }));
}

function immutableErrors(crd: JsonObject, old: JsonObject): FieldError[] {
  const fixed = [['spec', 'group'], ['spec', 'scope'], ['spec', 'names', 'plural'], ['spec', 'names', 'kind']];
  return fixed
    .filter((path) => !equal(at(crd, ...path), at(old, ...path)))
    .map((path) =>
      invalidValue(path.join('.'), at(crd, ...path) ?? null, 'field is immutable'),
    );
}
