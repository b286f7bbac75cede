import { own } from '../../api/json.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { child, forbiddenField, invalidValue, notSupported, required } from './field-error.ts';

const scalars = new Set(['string', 'integer', 'number', 'boolean']);

/** The rules of `x-kubernetes-list-type`, `-list-map-keys` and `-map-type`. */
export function validateLists(schema: Schema, path: string): FieldError[] {
  const listType: string | undefined = schema['x-kubernetes-list-type'];
  return [
    ...validateMapType(schema, path),
    ...(listType === undefined ? [] : validateListType(schema, listType, path)),
    ...validateKeys(schema, listType, path),
    ...(listType === 'set' ? validateSetItems(schema, path) : []),
  ];
}

function validateMapType(schema: Schema, path: string): FieldError[] {
  const mapType: string | undefined = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return [];
  const errors: FieldError[] = [];
  if (schema.type !== 'object') {
    const detail = 'must be object if x-kubernetes-map-type is specified';
    errors.push(wrongType(schema, path, detail));
  }
  if (mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(
      notSupported(child(path, 'x-kubernetes-map-type'), mapType, ['atomic', 'granular']),
    );
  }
  return errors;
}

function validateListType(schema: Schema, listType: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type !== 'array') {
    const detail = 'must be array if x-kubernetes-list-type is specified';
    errors.push(wrongType(schema, path, detail));
  }
  const supported = ['atomic', 'map', 'set'];
  if (!supported.includes(listType)) {
    const field = child(path, 'x-kubernetes-list-type');
    errors.push(notSupported(field, listType, ['atomic', 'set', 'map']));
  }
  const nullable = schema.items?.nullable === true && listType !== 'atomic';
  if (nullable) {
    const detail = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
    errors.push(forbiddenField(`${child(path, 'items')}.nullable`, detail));
  }
  return errors;
}

function validateKeys(schema: Schema, listType: string | undefined, path: string): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const field = child(path, 'x-kubernetes-list-map-keys');
  if (listType !== 'map') {
    if (keys.length === 0) return [];
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const typeField = child(path, 'x-kubernetes-list-type');
    return [
      listType === undefined
        ? required(typeField, detail)
        : invalidValue(typeField, listType, detail),
    ];
  }
  if (keys.length === 0) {
    return [required(field, 'must not be empty if x-kubernetes-list-type is map')];
  }
  const { items } = schema;
  if (items === undefined) {
    return [required(child(path, 'items'), 'must have a schema if x-kubernetes-list-type is map')];
  }
  if (Array.isArray(items)) {
    const detail = 'must only have a single schema if x-kubernetes-list-type is map';
    return [invalidValue(child(path, 'items'), 'array', detail)];
  }
  if (items.type !== 'object') {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    return [invalidValue(`${child(path, 'items')}.type`, items.type ?? '', detail)];
  }
  const errors = keys.flatMap((key) => validateKey(items, key, child(path, 'items')));
  if (keys.some((key) => own(items.properties, key) === undefined)) {
    errors.push(invalidValue(field, keys, 'entries must all be names of item properties'));
  }
  if (new Set(keys).size < keys.length) {
    errors.push(invalidValue(field, keys, 'must not contain duplicate entries'));
  }
  return errors;
}

function validateKey(items: Schema, key: string, path: string): FieldError[] {
  const property = own(items.properties, key);
  if (property === undefined) return [];
  const field = `${path}.properties[${key}]`;
  const errors: FieldError[] = [];
  if (!scalars.has(property.type ?? '') && property['x-kubernetes-int-or-string'] !== true) {
    const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    errors.push(invalidValue(`${field}.type`, property.type ?? '', detail));
  }
  if (property.nullable === true) {
    const detail = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
    errors.push(forbiddenField(`${field}.nullable`, detail));
  }
  if (property.default === undefined && !(items.required ?? []).includes(key)) {
    const detail =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    errors.push(required(`${field}.default`, detail));
  }
  return errors;
}

function validateSetItems({ items }: Schema, path: string): FieldError[] {
  const field = child(path, 'items');
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  if (items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    const value = items['x-kubernetes-map-type'] ?? null;
    return [invalidValue(`${field}.x-kubernetes-map-type`, value, detail)];
  }
  const listType = items?.['x-kubernetes-list-type'];
  if (items?.type === 'array' && listType !== undefined && listType !== 'atomic') {
    return [invalidValue(`${field}.x-kubernetes-list-type`, listType, detail)];
  }
  return [];
}

function wrongType(schema: Schema, path: string, detail: string): FieldError {
  const field = child(path, 'type');
  return schema.type === undefined
    ? required(field, detail)
    : invalidValue(field, schema.type, detail);
}
