/**
 * Evaluates `x-kubernetes-validations` over an object.
 * Source: apiextensions-apiserver `pkg/apiserver/schema/cel/validation.go`.
 */
import { asObject, equal, isArray } from '../../api/json.ts';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import type { FieldError } from '../../api/status.ts';
import {
  BudgetError,
  CelError,
  none,
  OptionalValue,
  schemaValue,
  type Value,
} from '../cel/index.ts';
import { oldField, oldItem } from './correlate.ts';
import { child, duplicateValue, forbiddenField, invalidValue, required } from './field-error.ts';
import { fieldSchema } from './json-kinds.ts';
import { type CompiledRule, compiledRules } from './rules.ts';
import { hasRules } from './validate.ts';

/** What one evaluation may cost, and all of one object together: Kubernetes' limits. */
const perCallLimit = 1_000_000;
const perObjectLimit = 10_000_000;
/** Longer messages give way to the rule's own. */
const maxMessageBytes = 5_120;

export interface RuleFindings {
  readonly errors: readonly FieldError[];
  /** What fails now but was so before: a client is told, and not stopped. */
  readonly ratcheted: readonly FieldError[];
}

export interface RuleOptions {
  readonly old?: JsonValue | undefined;
  /** Put before each field. */
  readonly prefix?: string;
  /** The value is a whole object: its names may be looked at. */
  readonly root?: boolean;
  /** What all rules together may cost; Kubernetes' limit unless given. */
  readonly budget?: number;
}

/** The value must have passed the schema itself. */
export function validateRules(
  value: JsonValue,
  schema: Schema,
  { old, prefix = '', root = true, budget = perObjectLimit }: RuleOptions = {},
): RuleFindings {
  if (!hasRules(schema)) return { errors: [], ratcheted: [] };
  const walk = new Walk(budget);
  walk.visit({ value, old, schema, path: prefix, root });
  return walk;
}

interface Place {
  readonly value: JsonValue;
  readonly old: JsonValue | undefined;
  readonly schema: Schema;
  readonly path: string;
  readonly root: boolean;
}

class Walk implements RuleFindings {
  readonly errors: FieldError[] = [];
  readonly ratcheted: FieldError[] = [];
  #budget: number;

  constructor(budget: number) {
    this.#budget = budget;
  }

  visit(place: Place): void {
    const { value, old, schema, path } = place;
    if (this.#budget < 0 || !hasRules(schema) || value === null) return;
    for (const rule of compiledRules(schema, place.root)) {
      if (this.#budget < 0) return;
      this.#check(rule, place);
    }
    if (isArray(value)) {
      const { items } = schema;
      if (items === undefined) return;
      for (const [i, item] of value.entries()) {
        const before = oldItem(old, schema, item);
        this.visit({ value: item, old: before, schema: items, path: `${path}[${i}]`, root: false });
      }
      return;
    }
    const object = asObject(value);
    for (const [key, field] of Object.entries(object ?? {})) {
      const inner = fieldSchema(schema, key);
      if (inner === undefined || field === undefined) continue;
      const named = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
      const at = named ? child(path, key) : `${path}[${key}]`;
      const before = oldField(old, schema, key);
      this.visit({ value: field, old: before, schema: inner, path: at, root: false });
    }
  }

  #check(compiled: CompiledRule, place: Place): void {
    const { rule, program, error, transition } = compiled;
    const { old, schema } = place;
    if (error !== undefined) {
      this.errors.push(this.#invalid(place, `rule compile error: ${error}`));
      return;
    }
    const optional = rule.optionalOldSelf === true;
    if (program === undefined || (transition && old === undefined && !optional)) return;
    try {
      const self = schemaValue(place.value, schema, place.root);
      const variables: Record<string, Value> = { self };
      const before = old === undefined ? undefined : schemaValue(old, schema, place.root);
      if (optional) variables['oldSelf'] = before === undefined ? none : new OptionalValue(before);
      else if (before !== undefined) variables['oldSelf'] = before;
      const { value, cost } = program.evaluate(variables, perCallLimit);
      this.#spend(cost, place);
      if (value !== true && this.#budget >= 0) this.#fail(compiled, place, variables);
    } catch (thrown) {
      this.#failedToRun(thrown, compiled, place);
    }
  }

  #spend(cost: number, place: Place): void {
    this.#budget -= cost;
    if (this.#budget >= 0) return;
    const why =
      'validation failed due to running out of cost budget, no further validation rules will be run';
    this.errors.push(this.#invalid(place, why));
  }

  #failedToRun(thrown: unknown, compiled: CompiledRule, place: Place): void {
    const { rule } = compiled;
    const shown = (rule.message ?? '') === '' ? rule.rule.trim() : (rule.message ?? '');
    if (thrown instanceof BudgetError) {
      const why = `'${thrown.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`;
      this.errors.push(this.#invalid(place, why));
      this.#budget = -1;
      return;
    }
    if (!(thrown instanceof CelError)) throw thrown;
    const why = thrown.message.startsWith('no such overload')
      ? `'${thrown.message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`
      : `${thrown.message} evaluating rule: ${shown}`;
    this.#report(this.#invalid(place, why), compiled, place);
  }

  #fail(compiled: CompiledRule, place: Place, variables: Readonly<Record<string, Value>>): void {
    const { rule, fieldPath } = compiled;
    const message = this.#message(compiled, place, variables);
    const path = fieldPath === '' ? place.path : joinPath(place.path, fieldPath);
    this.#report(errorFor(rule.reason, path, place.value, message), compiled, place);
  }

  #report(error: FieldError, { transition }: CompiledRule, { value, old, root }: Place): void {
    const unchanged = !transition && !root && old !== undefined && equal(value, old);
    (unchanged ? this.ratcheted : this.errors).push(error);
  }

  #message(
    { rule, message }: CompiledRule,
    place: Place,
    variables: Readonly<Record<string, Value>>,
  ): string {
    const plain = rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
    if (message === undefined) return plain;
    try {
      const { value, cost } = message.evaluate(variables, perCallLimit);
      this.#spend(cost, place);
      const text = typeof value === 'string' ? value.trim() : '';
      const usable = text !== '' && !text.includes('\n') && text.length <= maxMessageBytes;
      return usable ? text : plain;
    } catch (thrown) {
      if (thrown instanceof CelError || thrown instanceof BudgetError) return plain;
      throw thrown;
    }
  }

  #invalid({ path, value }: Place, detail: string): FieldError {
    return withValue(path, value, detail);
  }
}

/** Objects and lists are not shown: they may be long. */
function withValue(path: string, value: JsonValue, detail: string): FieldError {
  const field = path === '' ? '<nil>' : path;
  if (typeof value !== 'object') return invalidValue(field, value, detail);
  return { field, type: 'FieldValueInvalid', message: `Invalid value: ${detail}` };
}

function errorFor(
  reason: string | undefined,
  path: string,
  value: JsonValue,
  message: string,
): FieldError {
  const field = path === '' ? '<nil>' : path;
  switch (reason) {
    case 'FieldValueForbidden':
      return forbiddenField(field, message);
    case 'FieldValueRequired':
      return required(field, message);
    case 'FieldValueDuplicate':
      return duplicateValue(field, typeof value === 'object' ? message : value);
    default:
      return withValue(path, value, message);
  }
}

function joinPath(path: string, inner: string): string {
  return inner.startsWith('[') ? `${path}${inner}` : child(path, inner);
}
