/**
 * Brings the metadata of objects into shape: unknown fields go, empty ones too.
 * Source: apiextensions-apiserver v0.32 `pkg/apiserver/schema/objectmeta/algorithm.go`.
 */

import { isArray, isObject } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import { child, invalidValue } from './field-error.ts';
import { hasEmbedded } from './has-embedded.ts';
import { fieldSchema } from './json-kinds.ts';
import { readMeta } from './meta-fields.ts';

export interface CoerceOptions {
  /** `value` is itself an object with metadata. Default true. */
  readonly isResourceRoot?: boolean;
  /** Drop what is of a wrong type, for what is read back from the store, rather than fail. */
  readonly dropInvalidFields?: boolean;
}

export interface Coerced {
  /** Paths of the unknown fields that were dropped, sorted. */
  readonly unknown: readonly string[];
  /** The first value of a wrong type; clients get a 400 with it. */
  readonly error: FieldError | undefined;
}

/** Edits `value` in place: its metadata and that of embedded objects. */
export function coerceMeta(
  value: JsonValue,
  schema: Schema | undefined,
  { isResourceRoot = true, dropInvalidFields = false }: CoerceOptions = {},
): Coerced {
  const coercer = new Coercer(dropInvalidFields);
  coercer.visit(value, isResourceRoot ? rootOf(schema) : schema, '');
  return { unknown: coercer.unknown.sort(), error: coercer.error };
}

class Coercer {
  readonly unknown: string[] = [];
  error: FieldError | undefined;
  readonly #dropInvalid: boolean;

  constructor(dropInvalid: boolean) {
    this.#dropInvalid = dropInvalid;
  }

  visit(value: JsonValue, schema: Schema | undefined, path: string): void {
    if (schema === undefined || this.error !== undefined || !hasEmbedded(schema)) return;
    if (isArray(value)) {
      for (const [i, item] of value.entries()) this.visit(item, schema.items, `${path}[${i}]`);
    } else if (isObject(value)) this.#object(value, schema, path);
  }

  #object(object: JsonObject, schema: Schema, path: string): void {
    const embedded = schema['x-kubernetes-embedded-resource'] === true;
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value === undefined) continue;
      if (embedded && key === 'metadata') this.#metadata(object, value, child(path, key));
      else if (embedded && (key === 'apiVersion' || key === 'kind')) {
        if (typeof value === 'string') continue;
        if (this.#dropInvalid) delete object[key];
        else this.error ??= invalidValue(child(path, key), value, 'must be a string');
      } else this.visit(value, fieldSchema(schema, key), child(path, key));
    }
  }

  #metadata(object: JsonObject, value: JsonValue, path: string): void {
    const { meta, unknown, mistake } = readMeta(value);
    if (mistake !== undefined && !this.#dropInvalid) {
      this.error ??= invalidValue(path, value, mistake);
      return;
    }
    // What is no object at all cannot be brought into shape; validation will refuse it.
    if (!isObject(value)) return;
    object['metadata'] = meta;
    this.unknown.push(...unknown.map((name) => `${path}.${name}`));
  }
}

const roots = new WeakMap<Schema, Schema>();

/** The same schema as that of an object with metadata; made once, so that what is known of it is found again. */
function rootOf(schema: Schema | undefined): Schema {
  const before = schema && roots.get(schema);
  if (before !== undefined) return before;
  const root = { ...schema, 'x-kubernetes-embedded-resource': true as const };
  if (schema !== undefined) roots.set(schema, root);
  return root;
}
