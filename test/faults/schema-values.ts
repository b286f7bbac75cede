/** Objects made from a kind's schema: mostly right, and as odd as the schema allows. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { Dice } from './runs.ts';

const maxDepth = 7;
const optionalShare = 0.15;

/** A value that fits `schema`, unless a rule beyond the schema forbids it. */
export function valueFor(schema: Schema, dice: Dice, depth = 0): JsonValue {
  if (schema.enum !== undefined && schema.enum.length > 0) return dice.pick(schema.enum);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return dice.chance(0.5) ? dice.below(1_000) : dice.pick(['25%', 'http', '1']);
  }
  switch (schema.type) {
    case 'object':
      return objectOf(schema, dice, depth);
    case 'array':
      return listOf(schema, dice, depth);
    case 'integer':
    case 'number':
      return (schema.minimum ?? 0) + dice.below(Math.min(schema.maximum ?? 100, 100));
    case 'boolean':
      return dice.chance(0.5);
    default:
      return textOf(schema, dice);
  }
}

function objectOf(schema: Schema, dice: Dice, depth: number): JsonObject {
  const object: JsonObject = {};
  const required = new Set(schema.required);
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (required.has(name) || (depth < maxDepth && dice.chance(depth < 2 ? 0.5 : optionalShare))) {
      object[name] = valueFor(part, dice, depth + 1);
    }
  }
  const more = schema.additionalProperties;
  if (typeof more === 'object' && depth < maxDepth) {
    for (let i = dice.below(3); i > 0; i -= 1) {
      object[dice.pick(['a', 'cpu', 'app', 'example.com/x'])] = valueFor(more, dice, depth + 1);
    }
  }
  return object;
}

function listOf(schema: Schema, dice: Dice, depth: number): JsonValue[] {
  const { items } = schema;
  if (items === undefined) return [];
  const least = schema.minItems ?? 0;
  const count = depth >= maxDepth ? least : Math.max(least, dice.below(3));
  return Array.from({ length: count }, () => valueFor(items, dice, depth + 1));
}

function textOf({ format }: Schema, dice: Dice): string {
  switch (format) {
    case 'quantity':
      return dice.pick(['100m', '64Mi', '1', '0']);
    case 'date-time':
      return '2026-01-01T00:00:00Z';
    case 'micro-time':
      return '2026-01-01T00:00:00.000000Z';
    case 'byte':
      return 'aGVsbG8=';
    case 'duration':
      return '30s';
    default:
      return dice.pick(['a', 'b', 'web', 'app', 'default', 'example.com', '']);
  }
}
