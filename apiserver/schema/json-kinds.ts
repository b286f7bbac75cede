/** Walking values and schemas side by side. */

import { own } from '../../api/json.ts';
import type { Schema } from '../../api/schema.ts';

/** The schema of a field: its own, or that of all further ones. */
export function fieldSchema(schema: Schema, key: string): Schema | undefined {
  return own(schema.properties, key) ?? additionalSchema(schema);
}

/** The schema of fields that `properties` does not name. */
export function additionalSchema({ additionalProperties }: Schema): Schema | undefined {
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}
