/**
 * Expressions over a request to write: `object`, `oldObject`, `request`.
 * Source: Kubernetes apiserver/pkg/admission/plugin/cel.
 */
import { isArray } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { type Compiled, compile, type Program } from './program.ts';
import { schemaType, schemaValue } from './schema-types.ts';
import { bool, dyn, type Type } from './types.ts';
import { ListValue, MapValue, type Value } from './values.ts';

/** What all conditions of one webhook may cost together; Kubernetes' limit. */
const budget = 2_500_000;
const perCallLimit = 1_000_000;

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const fields = (...names: readonly string[]): Schema => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, text])),
});
const kind = fields('group', 'version', 'kind');
const resource = fields('group', 'version', 'resource');

/** The part of an AdmissionReview's `request` that expressions see. */
const requestSchema: Schema = {
  type: 'object',
  properties: {
    ...fields('subResource', 'requestSubResource', 'name', 'namespace', 'operation').properties,
    kind,
    resource,
    requestKind: kind,
    requestResource: resource,
    userInfo: {
      type: 'object',
      properties: {
        username: text,
        uid: text,
        groups: texts,
        extra: { type: 'object', additionalProperties: texts },
      },
    },
    dryRun: { type: 'boolean' },
  },
};

/** The variables of an admission expression and their types. */
export const admissionTypes: ReadonlyMap<string, Type> = new Map([
  ['object', dyn],
  ['oldObject', dyn],
  ['request', schemaType(requestSchema) ?? dyn],
]);

export interface AdmissionInput {
  /** Absent where nothing is sent: a delete. */
  readonly object: JsonObject | undefined;
  readonly oldObject: JsonObject | undefined;
  /** As in an AdmissionReview. */
  readonly request: JsonObject;
}

export function admissionValues(input: AdmissionInput): Readonly<Record<string, Value>> {
  return {
    object: untyped(input.object ?? null),
    oldObject: untyped(input.oldObject ?? null),
    request: schemaValue(input.request, requestSchema),
  };
}

/** An expression that must be true or false; the error is in upstream's words. */
export function compileCondition(expression: string): Compiled {
  const compiled = compile(expression, admissionTypes);
  if (!compiled.ok) return { ok: false, error: `compilation failed: ${compiled.error}` };
  const { type } = compiled.program;
  if (type.kind === bool.kind || type.kind === dyn.kind) return compiled;
  return { ok: false, error: 'must evaluate to bool' };
}

export interface Condition {
  readonly name: string;
  readonly program: Program;
}

export type Matched =
  | { readonly type: 'all' }
  | { readonly type: 'no'; readonly name: string }
  /** None is false, and these could not be told. */
  | { readonly type: 'failed'; readonly errors: readonly string[] };

/** One that is false decides, whatever fails before or after it. */
export function matchConditions(conditions: readonly Condition[], input: AdmissionInput): Matched {
  const values = admissionValues(input);
  const errors: string[] = [];
  let left = budget;
  for (const { name, program } of conditions) {
    try {
      const { value, cost } = program.evaluate(values, Math.min(left, perCallLimit));
      left -= cost;
      if (value === false) return { type: 'no', name };
      if (value !== true) errors.push(`expression '${name}' is neither true nor false`);
    } catch (error) {
      // Whatever an expression throws is a failure of that expression.
      const why = error instanceof Error ? error.message : String(error);
      errors.push(`expression '${name}' resulted in error: ${why}`);
    }
  }
  return errors.length === 0 ? { type: 'all' } : { type: 'failed', errors };
}

/** A value of which no schema is known. */
export function untyped(value: JsonValue): Value {
  if (isArray(value)) return new ListValue(value.map(untyped));
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as JsonObject); // No array, as was asked above.
  return new MapValue(entries.map(([key, each]) => [key, untyped(each ?? null)] as const));
}
