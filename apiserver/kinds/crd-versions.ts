/** The versions of a CustomResourceDefinition: storage, schemas, columns, subresources, selectable fields. */

import { asArray, asObject, asString, at, equal, objectsOf } from '../../api/json.ts';
import { parseSimplePath } from '../../api/jsonpath.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { duplicateValue, invalidValue, required } from '../schema/field-error.ts';
import { validateStructural } from '../schema/index.ts';
import { fieldSchema } from '../schema/json-kinds.ts';

/** Kubernetes' limit. */
const maxSelectableFields = 8;

export function versionErrors(crd: JsonObject): FieldError[] {
  const versions = objectsOf(at(crd, 'spec', 'versions'));
  const errors = storageErrors(versions);
  const preserve = at(crd, 'spec', 'preserveUnknownFields');
  if (preserve === true)
    errors.push(
      invalidValue(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  // What all versions say alike upstream names once, by the place it had before there were versions.
  const shared = (field: string) =>
    versions.every((version) => equal(version[field] ?? null, versions[0]?.[field] ?? null));
  const oneSchema = shared('schema');
  const oneColumns = shared('additionalPrinterColumns');
  const oneScale = shared('subresources');
  const oneSelectable = shared('selectableFields');
  for (const [index, version] of versions.entries()) {
    const own = `spec.versions[${index}]`;
    if (index === 0 || !oneSchema || version['schema'] === undefined) {
      const place = oneSchema ? 'spec.validation' : `${own}.schema`;
      errors.push(...schemaErrors(version, index, `${place}.openAPIV3Schema`));
    }
    if (index === 0 || !oneColumns)
      errors.push(...columnErrors(version, oneColumns ? 'spec' : own));
    if (index === 0 || !oneScale) errors.push(...scaleErrors(version, oneScale ? 'spec' : own));
    if (index === 0 || !(oneSelectable && oneSchema))
      errors.push(...selectableErrors(version, oneSelectable ? 'spec' : own));
  }
  return errors;
}

const hoisted = /^spec\.versions\[0\]\.(additionalPrinterColumns|subresources|selectableFields)/;

/** What the schema finds in the only version, under the names it had before there were versions. */
export function oneVersionErrors(errors: readonly FieldError[], crd: JsonObject): FieldError[] {
  if (objectsOf(at(crd, 'spec', 'versions')).length !== 1) return [...errors];
  return errors.map((error) => ({ ...error, field: hoistedField(error.field) }));
}

function hoistedField(field: string): string {
  return field
    .replace(hoisted, 'spec.$1')
    .replace(/(additionalPrinterColumns\[\d+\])\.jsonPath$/, '$1.JSONPath');
}

/** Objects may be stored in these versions: who took one away could not read them any more. */
export function storedVersionErrors(crd: JsonObject, old: JsonObject | undefined): FieldError[] {
  const names = objectsOf(at(crd, 'spec', 'versions')).map(({ name }) => asString(name));
  const stored = asArray(at(old, 'status', 'storedVersions')).map(asString);
  return stored.flatMap((name, index) =>
    names.includes(name)
      ? []
      : [invalidValue(`status.storedVersions[${index}]`, name, 'must appear in spec.versions')],
  );
}

function storageErrors(versions: readonly JsonObject[]): FieldError[] {
  const errors: FieldError[] = [];
  const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }));
  const names = versions.map((version) => asString(version['name']));
  const storage = versions.filter((version) => version['storage'] === true);
  if (new Set(names).size < names.length)
    errors.push(invalidValue('spec.versions', shown, 'must contain unique version names'));
  if (storage.length === 1) return errors;
  const why = 'must have exactly one version marked as storage version';
  errors.push(invalidValue('spec.versions', shown, why));
  const stored = storage.map((version) => asString(version['name']));
  errors.push(
    stored.length === 0
      ? invalidValue('status.storedVersions', null, 'must have at least one stored version')
      : invalidValue(
          'status.storedVersions',
          stored.slice(0, 1),
          `must have the storage version ${stored[stored.length - 1]}`,
        ),
  );
  return errors;
}

function schemaErrors(version: JsonObject, index: number, path: string): FieldError[] {
  const schema = asObject(at(version, 'schema', 'openAPIV3Schema'));
  if (schema === undefined)
    return [required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')];
  // The schema's own shape is what validateStructural judges.
  const hasStatus = asObject(at(version, 'subresources', 'status')) !== undefined;
  return validateStructural(schema as Schema, { path, hasStatus });
}

function columnErrors(version: JsonObject, path: string): FieldError[] {
  return objectsOf(version['additionalPrinterColumns']).flatMap((column, index) => {
    const field = `${path}.additionalPrinterColumns[${index}]`;
    const jsonPath = asString(column['jsonPath']);
    const errors = [
      ...oneOf(`${field}.type`, asString(column['type']), columnTypes),
      ...oneOf(`${field}.format`, asString(column['format']), columnFormats),
    ];
    if (!jsonPath.startsWith('.'))
      errors.push(
        invalidValue(`${field}.JSONPath`, jsonPath, 'must be a simple json path starting with .'),
      );
    return errors;
  });
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = 'byte date date-time double float int32 int64 password'.split(' ');

function oneOf(field: string, value: string, allowed: readonly string[]): FieldError[] {
  if (value === '' || allowed.includes(value)) return [];
  return [invalidValue(field, value, `must be one of ${allowed.join(',')}`)];
}

function scaleErrors(version: JsonObject, path: string): FieldError[] {
  const scale = asObject(at(version, 'subresources', 'scale'));
  if (scale === undefined) return [];
  const under = (name: string, ...roots: readonly string[]): FieldError[] => {
    const value = asString(scale[name]);
    const field = `${path}.subresources.scale.${name}`;
    if (value === '' && name !== 'labelSelectorPath') return [required(field)];
    if (value === '' || roots.some((root) => value.startsWith(`${root}.`))) return [];
    return [invalidValue(field, value, `should be a json path under ${roots.join(' or ')}`)];
  };
  return [
    ...under('specReplicasPath', '.spec'),
    ...under('statusReplicasPath', '.status'),
    ...under('labelSelectorPath', '.spec', '.status'),
  ];
}

function selectableErrors(version: JsonObject, path: string): FieldError[] {
  const fields = objectsOf(version['selectableFields']);
  const schema = asObject(at(version, 'schema', 'openAPIV3Schema')) as Schema | undefined;
  const errors = fields.flatMap((each, index) => {
    const jsonPath = asString(each['jsonPath']);
    const field = `${path}.selectableFields[${index}].jsonPath`;
    if (fields.slice(0, index).some((earlier) => earlier['jsonPath'] === jsonPath))
      return [duplicateValue(field, jsonPath)];
    return selectableMistakes(jsonPath, schema).map((why) => invalidValue(field, jsonPath, why));
  });
  if (fields.length <= maxSelectableFields) return errors;
  const message = `Too many: ${fields.length}: must have at most ${maxSelectableFields} items`;
  return [...errors, { field: `${path}.selectableFields`, type: 'FieldValueTooMany', message }];
}

function selectableMistakes(jsonPath: string, schema: Schema | undefined): string[] {
  const steps = parseSimplePath(jsonPath);
  if (steps === undefined) return ['is an invalid path: must be a simple path such as .spec.color'];
  let found: Schema | undefined = schema;
  for (const step of steps) found = found === undefined ? undefined : fieldSchema(found, step);
  if (found === undefined) return ['is an invalid path: does not refer to a valid field'];
  if (steps[0] === 'metadata') return ['must not point to fields in metadata'];
  if (['string', 'boolean', 'integer'].includes(found.type ?? '')) return [];
  return [
    'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
  ];
}
