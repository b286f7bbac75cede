/** Defaults must be values that a client could have sent. */
import { copyOf } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { coerceMeta } from './coerce-meta.ts';
import { applyDefaults } from './defaults.ts';
import { validateEmbedded } from './embedded.ts';
import { child, forbiddenField, invalidValue } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';
import { prune } from './prune.ts';
import { validate } from './validate.ts';
import { validateRules } from './validate-rules.ts';

/** The errors of all defaults at or below a schema, the root's own among them. */
export function validateDefaults(schema: Schema, path: string): FieldError[] {
  const root: Schema = { ...schema, 'x-kubernetes-embedded-resource': true };
  const place = {
    path,
    meta: 'outside',
    isRoot: true,
    around: (value: JsonValue) => value,
  } as const;
  return walk(root, place, root);
}

interface Place {
  readonly path: string;
  /** Whether this is metadata: of the object itself, of an embedded one, or within a map of either. */
  readonly meta: 'outside' | 'top' | 'embedded' | 'map';
  readonly isRoot: boolean;
  /** The whole object with nothing but this value in it. */
  readonly around: (value: JsonValue) => JsonValue;
}

const typeMeta = { apiVersion: 'validation/v1', kind: 'Validation' };
const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

function walk(schema: Schema, place: Place, root: Schema): FieldError[] {
  const { path, meta, isRoot, around } = place;
  const errors = checkDefault(schema, place, root);
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  const below = { meta, isRoot: false };
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const enters = embedded && metaFields.has(key);
    errors.push(
      ...walk(
        property,
        {
          path: `${child(path, 'properties')}[${key}]`,
          meta: enters && meta === 'outside' ? (isRoot ? 'top' : 'embedded') : meta,
          isRoot: false,
          around: (value) => around({ ...(embedded ? typeMeta : {}), [key]: value }),
        },
        root,
      ),
    );
  }
  if (schema.items !== undefined) {
    const inner = { ...below, path: child(path, 'items') };
    errors.push(...walk(schema.items, { ...inner, around: (item) => around([item]) }, root));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    const inner = { path: child(path, 'additionalProperties'), isRoot: false, around };
    const kept = meta === 'outside' || meta === 'top' ? meta : 'map';
    errors.push(...walk(additional, { ...inner, meta: kept }, root));
  }
  return errors;
}

function checkDefault(schema: Schema, place: Place, root: Schema): FieldError[] {
  const value = schema.default;
  const path = child(place.path, 'default');
  if (value === undefined || value === null) return [];
  switch (place.meta) {
    case 'top':
      return [forbiddenField(path, 'must not be set in top-level metadata')];
    case 'map':
      return [
        forbiddenField(
          path,
          'must not be set inside additionalProperties applying to object metadata',
        ),
      ];
    case 'embedded': {
      const mistake = metadataMistake(place.around(copyOf(value)), root);
      if (mistake === undefined) return validate(value, schema, { prefix: path });
      return [invalidValue(path, value, `must result in valid metadata: ${mistake}`)];
    }
    default:
      return checkPlain(schema, value, path);
  }
}

function checkPlain(schema: Schema, value: JsonValue, path: string): FieldError[] {
  const isResourceRoot = schema['x-kubernetes-embedded-resource'] === true;
  if (prune(copyOf(value), schema, { isResourceRoot }).length > 0)
    return [invalidValue(path, value, 'must not have unknown fields')];
  const complete = copyOf(value);
  const { error } = coerceMeta(complete, schema, { isResourceRoot });
  if (error !== undefined) return [{ ...error, field: child(path, error.field) }];
  applyDefaults(complete, schema);
  const errors = validate(complete, schema, { prefix: path });
  return errors.length > 0 ? errors : ruleErrors(complete, schema, path);
}

function ruleErrors(value: JsonValue, schema: Schema, path: string): FieldError[] {
  return validateRules(value, schema).errors.map((error) => ({
    ...error,
    field: error.field === '<nil>' ? path : child(path, error.field),
  }));
}

/** What would be wrong with an object that had this and nothing else. */
function metadataMistake(object: JsonValue, root: Schema): string | undefined {
  const { error } = coerceMeta(object, root);
  const found = error === undefined ? validateEmbedded(object, root) : [error];
  const [first] = found;
  return first === undefined ? undefined : `${first.field}: ${first.message}`;
}
