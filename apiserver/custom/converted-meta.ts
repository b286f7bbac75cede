/** What becomes of the metadata of a converted object: of all of it a webhook may change two maps. */
import { asObject, equal, isObject } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { validateObjectMeta } from '../schema/index.ts';
import { metadataOf } from '../storage/cached.ts';

/** The original's metadata with the labels and annotations of the converted object; else what is wrong. */
export function restoredMeta(original: JsonObject, converted: JsonObject): JsonObject | string {
  const given = asObject(converted['metadata']);
  if (given === undefined) return 'missing metadata in converted object';
  const metadata: JsonObject = { ...metadataOf(original) };
  for (const field of ['labels', 'annotations']) {
    const value = given[field] ?? undefined;
    if (value === undefined) {
      delete metadata[field];
      continue;
    }
    if (!isObject(value))
      return `invalid metadata.${field} of type ${typeof value} in converted object`;
    for (const [key, each] of Object.entries(value))
      if (typeof each !== 'string')
        return `metadata.${field}[${key}] must be a string, but is ${typeof each} in converted object`;
    if (!equal(value, metadata[field] ?? null)) {
      const wrong = mistakes({ name: 'x', [field]: value }, field);
      if (wrong !== '') return wrong;
    }
    metadata[field] = value;
  }
  return metadata;
}

function mistakes(metadata: JsonObject, field: string): string {
  return validateObjectMeta(metadata, { namespaced: false, nameRule: 'subdomain', builtin: false })
    .filter((error) => error.field.startsWith(`metadata.${field}`))
    .map((error) => `${error.field}: ${error.message}`)
    .join(', ');
}
