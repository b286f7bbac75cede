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
import { ListValue, MapValue, type ObjectValue, type Value } from './values.ts';

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

/** What the rules of one policy may cost together for one request; Kubernetes' limit. */
const policyBudget = 10_000_000;

/** An expression over a request with the `variables` before it; `params` where the policy has a kind of them. */
export interface PolicyTypes {
  readonly hasParams: boolean;
  readonly variables: ReadonlyMap<string, Type>;
}

export function compilePolicy(
  expression: string,
  { hasParams, variables }: PolicyTypes,
  wanted: readonly string[],
): Compiled {
  const types = new Map<string, Type>([...admissionTypes, ['namespaceObject', dyn]]);
  if (hasParams) types.set('params', dyn);
  types.set('variables', { kind: 'object', name: 'variables', fields: variables });
  const compiled = compile(expression, types);
  if (!compiled.ok) return { ok: false, error: `compilation failed: ${compiled.error}` };
  const { kind: found } = compiled.program.type;
  if (wanted.length === 0 || found === 'dyn' || wanted.includes(found)) return compiled;
  return { ok: false, error: `must evaluate to ${wanted.join(' or ')}` };
}

export interface PolicyInput extends AdmissionInput {
  readonly params: JsonObject | undefined;
  readonly namespaceObject: JsonObject | undefined;
}

/** Evaluates the expressions of one policy over one request, within one budget. */
export class PolicyEvaluation {
  readonly #values: Readonly<Record<string, Value>>;
  #left = policyBudget;

  constructor(input: PolicyInput, variables: ReadonlyMap<string, Program>) {
    this.#values = {
      ...admissionValues(input),
      params: untyped(input.params ?? null),
      namespaceObject: untyped(input.namespaceObject ?? null),
      variables: new Variables(variables, (program) => this.evaluate(program)),
    };
  }

  /** Throws what the expression fails with. */
  evaluate({ evaluate }: Program): Value {
    const limit = Math.min(this.#left, perCallLimit);
    const { value, cost } = evaluate(this.#values, limit);
    this.#left -= cost;
    return value;
  }
}

/** Each is worked out when it is first read, and once. */
class Variables implements ObjectValue {
  readonly objectType = 'variables';
  readonly #programs: ReadonlyMap<string, Program>;
  readonly #evaluate: (program: Program) => Value;
  readonly #known = new Map<string, Value>();

  constructor(programs: ReadonlyMap<string, Program>, evaluate: (program: Program) => Value) {
    this.#programs = programs;
    this.#evaluate = evaluate;
  }

  field(name: string): Value | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const program = this.#programs.get(name);
    if (program === undefined) return undefined;
    const value = this.#evaluate(program);
    this.#known.set(name, value);
    return value;
  }

  fieldNames(): readonly string[] {
    return [...this.#programs.keys()];
  }

  get size(): number {
    return this.#programs.size;
  }

  sameUnknown(): boolean {
    return true;
  }
}
