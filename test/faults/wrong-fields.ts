/** Every field of a kind, wrong in every way its schema knows. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';

export interface WrongField {
  /** As people write it: `spec.containers[0].image`. */
  readonly path: string;
  readonly what: string;
  readonly object: JsonObject;
}

type Step = string | number;

/** Stands for any key of a map. */
const anyKey = 'x';

/** Fields that repeat themselves: `properties.properties.properties`. */
const maxDepth = 12;

/**
 * One object for each way in which one field of it is wrong, over the object that is right; parts that
 * stand in several places (containers and init containers) in all of them, or in the first alone.
 */
export function* wrongFields(
  schema: Schema,
  right: JsonObject,
  everywhere: boolean,
): Generator<WrongField> {
  const seen = everywhere ? undefined : new Set<string>();
  for (const { steps, part } of fields(schema, [], seen)) {
    if (steps.length === 0 || isServers(steps)) continue;
    for (const [what, value] of wrongValues(part)) {
      yield { path: pathOf(steps), what, object: withValue(right, steps, value) };
    }
  }
}

/** What the server sets itself is not read from a request that creates. */
function isServers([first, second]: readonly Step[]): boolean {
  if (first === 'status' || first === 'apiVersion' || first === 'kind') return true;
  return first === 'metadata' && second !== 'labels' && second !== 'annotations';
}

function* fields(
  schema: Schema,
  steps: readonly Step[],
  seen: Set<string> | undefined,
): Generator<{ steps: readonly Step[]; part: Schema }> {
  yield { steps, part: schema };
  const definition = schema['x-berth-definition'];
  if (steps.length >= maxDepth || (definition !== undefined && seen?.has(definition))) return;
  if (definition !== undefined) seen?.add(definition);
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    // A schema in a schema has the same fields over and over.
    if (steps.includes(name) && steps.length > 6) continue;
    yield* fields(part, [...steps, name], seen);
  }
  if (typeof schema.additionalProperties === 'object') {
    yield* fields(schema.additionalProperties, [...steps, anyKey], seen);
  }
  if (schema.items !== undefined) yield* fields(schema.items, [...steps, 0], seen);
}

function* wrongValues(schema: Schema): Generator<readonly [what: string, value: JsonValue]> {
  const { type, format, minimum, maximum, pattern, maxLength, minItems } = schema;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true && type === undefined) return;
  if (schema['x-kubernetes-int-or-string'] === true) yield ['type', true];
  else if (type === 'string') yield ['type', format === 'quantity' ? true : 12];
  else if (type !== undefined) yield ['type', type === 'array' ? { x: 1 } : 'wrong'];
  if (schema.enum !== undefined) yield ['enum', type === 'string' ? 'Bogus' : -99];
  if (minimum !== undefined) yield ['minimum', minimum - 1];
  if (maximum !== undefined) yield ['maximum', maximum + 1];
  if (type === 'integer') yield ['fraction', 1.5];
  if (pattern !== undefined) yield ['pattern', '\u0001 not that'];
  if (maxLength !== undefined) yield ['length', 'x'.repeat(maxLength + 1)];
  if (minItems !== undefined && minItems > 0) yield ['items', []];
  const wrong = format === undefined ? undefined : wrongFormats[format];
  if (wrong !== undefined) yield ['format', wrong];
}

const wrongFormats: Readonly<Record<string, JsonValue>> = {
  quantity: 'lots',
  'date-time': 'yesterday',
  'micro-time': 'yesterday',
  byte: '***',
  duration: 'soon',
};

/** The right object with one value put in, and what lies on the way to it. */
function withValue(right: JsonObject, steps: readonly Step[], value: JsonValue): JsonObject {
  const object = structuredClone(right);
  let at: JsonObject | JsonValue[] = object;
  steps.forEach((step, i) => {
    const slots = at as Record<Step, JsonValue>; // Lists are indexed by number, objects by name.
    if (i === steps.length - 1) {
      slots[step] = value;
      return;
    }
    const next: JsonValue | undefined = slots[step];
    const made = typeof next === 'object' && next !== null ? next : emptyFor(steps[i + 1]);
    slots[step] = made;
    at = made as JsonObject | JsonValue[]; // A clone of our own, so it may be written.
  });
  return object;
}

function emptyFor(step: Step | undefined): JsonObject | JsonValue[] {
  return typeof step === 'number' ? [] : {};
}

function pathOf(steps: readonly Step[]): string {
  return steps
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('');
}
