/**
 * Removes what the schema does not know.
 * Source: Kubernetes apiextensions-apiserver v0.32, `pkg/apiserver/schema/pruning/algorithm.go`.
 */

import { isArray, isObject, own } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { child } from './field-error.ts';
import { additionalSchema } from './json-kinds.ts';

export interface PruneOptions {
  /**
   * The value is a whole object: its `apiVersion`, `kind` and `metadata` stay as they are. Default
   * true.
   */
  readonly isResourceRoot?: boolean;
}

/**
 * Edits `value` in place and returns the paths it dropped, sorted: `spec.items[0].x`. The metadata
 * of objects and of embedded resources is not touched: `coerceMeta` does that.
 */
export function prune(
  value: JsonValue,
  schema: Schema | undefined,
  { isResourceRoot = true }: PruneOptions = {},
): string[] {
  const dropped: string[] = [];
  pruneValue(value, schema, '', isResourceRoot, dropped);
  return dropped.sort();
}

function pruneValue(
  value: JsonValue,
  schema: Schema | undefined,
  path: string,
  isRoot: boolean,
  dropped: string[],
): void {
  if (isArray(value)) {
    // Entries of a list without a schema are kept where unknown fields are.
    const items = schema?.items ?? (preserves(schema) ? schema : undefined);
    for (const [i, item] of value.entries()) {
      pruneValue(item, items, `${path}[${i}]`, false, dropped);
    }
  } else if (isObject(value)) pruneObject(value, schema, path, isRoot, dropped);
}

function pruneObject(
  value: JsonObject,
  schema: Schema | undefined,
  path: string,
  isRoot: boolean,
  dropped: string[],
): void {
  const embedded = isRoot || schema?.['x-kubernetes-embedded-resource'] === true;
  const additional = schema === undefined ? undefined : additionalSchema(schema);
  const open = additional !== undefined || schema?.additionalProperties !== undefined;
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field === undefined || (embedded && metaFields.has(key))) continue;
    const known = own(schema?.properties, key);
    if (known !== undefined) pruneValue(field, known, child(path, key), false, dropped);
    else if (open) {
      // Where unknown fields are kept, an open map without a schema is no schema at all.
      const inner = additional ?? (preserves(schema) ? preserving : undefined);
      pruneValue(field, inner, child(path, key), false, dropped);
    } else if (!preserves(schema)) {
      delete value[key];
      if (path !== '' || !metaFields.has(key)) dropped.push(child(path, key));
    }
  }
}

function preserves(schema: Schema | undefined): boolean {
  return schema?.['x-kubernetes-preserve-unknown-fields'] === true;
}

const preserving: Schema = { 'x-kubernetes-preserve-unknown-fields': true };
const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);
