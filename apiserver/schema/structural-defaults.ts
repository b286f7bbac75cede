/** Defaults must be values that a client could have sent. */
import { copyOf } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { coerceMeta } from './coerce-meta.ts';
import { applyDefaults } from './defaults.ts';
import { child, forbiddenField, invalidValue } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { prune } from './prune.ts';
import { validate } from './validate.ts';

/** The errors of all defaults at or below a schema, the root's own among them. */
export function validateDefaults(schema: Schema, path: string): FieldError[] {
  const root: Schema = { ...schema, 'x-kubernetes-embedded-resource': true };
  return walk(root, path, false, true);
}

function walk(schema: Schema, path: string, inMeta: boolean, isRoot: boolean): FieldError[] {
  const errors = checkDefault(schema, child(path, 'default'), inMeta);
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const meta = inMeta || (isRoot && key === 'metadata');
    errors.push(...walk(property, `${child(path, 'properties')}[${key}]`, meta, false));
  }
  if (schema.items !== undefined) {
    errors.push(...walk(schema.items, child(path, 'items'), inMeta, false));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    errors.push(...walk(additional, child(path, 'additionalProperties'), inMeta, false));
  }
  return errors;
}

function checkDefault(schema: Schema, path: string, inMeta: boolean): FieldError[] {
  const value = schema.default;
  if (value === undefined || value === null) return [];
  if (inMeta) return [forbiddenField(path, 'must not be set in top-level metadata')];
  if (hasUnknownFields(value, schema)) {
    return [invalidValue(path, value, 'must not have unknown fields')];
  }
  const complete = copyOf(value);
  applyDefaults(complete, schema);
  return validate(complete, schema, { prefix: path });
}

function hasUnknownFields(value: JsonValue, schema: Schema): boolean {
  const copy = copyOf(value);
  const { unknown } = coerceMeta(copy, schema, { isResourceRoot: false });
  return unknown.length > 0 || prune(copy, schema, { isResourceRoot: false }).length > 0;
}
