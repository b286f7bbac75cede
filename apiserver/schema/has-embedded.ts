/** Which schemas hold objects of the API within objects. */
import type { Schema } from '../../api/schema.ts';
import { additionalSchema } from './json-kinds.ts';

const known = new WeakMap<Schema, boolean>();

/** Whether there is one at or below this schema; remembered, as schemas never change. */
export function hasEmbedded(schema: Schema): boolean {
  const remembered = known.get(schema);
  if (remembered !== undefined) return remembered;
  const additional = additionalSchema(schema);
  const found =
    schema['x-kubernetes-embedded-resource'] === true ||
    Object.values(schema.properties ?? {}).some(hasEmbedded) ||
    (schema.items !== undefined && hasEmbedded(schema.items)) ||
    (additional !== undefined && hasEmbedded(additional));
  known.set(schema, found);
  return found;
}
