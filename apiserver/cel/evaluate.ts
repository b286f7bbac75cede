/**
 * Checked expressions made into functions that count what they cost.
 * Source of the costs: cel-go `interpreter/runtimecost.go`, with its optimisations switched on.
 */

import {
  contains,
  fieldOf,
  hasField,
  indexed,
  isLiteralList,
  optionalField,
  optionalIndex,
  turns,
} from './access.ts';
import type { CallExpr, Expr, FoldExpr, SelectExpr } from './ast.ts';
import { chosen, costOf, invoke } from './call.ts';
import type { Checked } from './checker.ts';
import { CelError, ListValue, MapValue, none, OptionalValue, type Value } from './values.ts';

/** Thrown when an evaluation costs more than it may; no expression can catch it. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** What one evaluation carries along. */
export class Activation {
  readonly #names: string[] = [];
  readonly #values: (Value | CelError)[] = [];
  readonly #limit: number;
  cost = 0;

  constructor(variables: Readonly<Record<string, Value>>, limit: number) {
    for (const [name, value] of Object.entries(variables)) this.push(name, value);
    this.#limit = limit;
  }

  spend(cost: number): void {
    this.cost += cost;
    if (this.cost > this.#limit)
      throw new BudgetError('operation cancelled: actual cost limit exceeded');
  }

  get(name: string): Value {
    // The newest comes first; there are never many, and names are compared by identity mostly.
    let index = this.#names.length - 1;
    while (index >= 0 && this.#names[index] !== name) index -= 1;
    const value = this.#values[index];
    if (value === undefined) throw new CelError(`no such attribute(s): ${name}`);
    if (value instanceof CelError) throw value;
    return value;
  }

  /** An error is thrown when the name is read. */
  push(name: string, value: Value | CelError): void {
    this.#names.push(name);
    this.#values.push(value);
  }

  pop(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.#names.pop();
      this.#values.pop();
    }
  }
}

type Run = (activation: Activation) => Value;

/** A part that may be a chain of names and fields, which costs less where it is only passed on. */
interface Part {
  readonly run: Run;
  /** Without the cost of the chain's start; the same for what is no chain. */
  readonly inner: Run;
  readonly chain: boolean;
  /** The value, where it is the same for every evaluation. */
  readonly constant?: Value;
}

export function compileExpr(checked: Checked): Run {
  return new Compiler(checked).part(checked.expr).run;
}

class Compiler {
  readonly #checked: Checked;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  part(expr: Expr): Part {
    const typeName = this.#checked.typeNames.get(expr);
    if (typeName !== undefined) return constant(typeName);
    switch (expr.type) {
      case 'const':
        return constant(expr.value);
      case 'ident':
        return chain((activation) => activation.get(expr.name));
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        throw new Error('messages are not supported');
      case 'fold':
        return plain(this.#fold(expr));
    }
  }

  #select({ operand, field, test }: SelectExpr): Part {
    const { inner, chain: isChain, run } = this.part(operand);
    const start = isChain ? inner : run;
    if (test)
      return plain((activation) => {
        const value = start(activation);
        activation.spend(isChain ? 1 : 0);
        return hasField(value, field);
      });
    return chain((activation) => {
      const value = start(activation);
      activation.spend(1);
      return fieldOf(value, field);
    });
  }

  #call(expr: CallExpr): Part {
    const args = this.#checked.args.get(expr) ?? expr.args;
    const [first, second, third] = args;
    if (first !== undefined && second !== undefined) {
      if (expr.fn === '_&&_') return plain(this.#logical(first, second, false));
      if (expr.fn === '_||_') return plain(this.#logical(first, second, true));
      if (third !== undefined && expr.fn === '_?_:_')
        return this.#conditional(first, second, third);
      if (expr.fn === '_[_]') return this.#index(first, second);
      if (expr.fn === '_?._' || expr.fn === '_[?_]') return this.#optional(expr.fn, first, second);
    }
    if (first !== undefined && second === undefined && expr.fn === '@not_strictly_false')
      return plain(this.#notStrictlyFalse(first));
    if (expr.member && (expr.fn === 'or' || expr.fn === 'orValue') && first && second)
      return plain(this.#orElse(expr.fn, first, second));
    return this.#plainCall(
      expr,
      args.map((arg) => this.part(arg)),
    );
  }

  #plainCall(expr: CallExpr, parts: readonly Part[]): Part {
    const overloads = this.#checked.overloads.get(expr) ?? [];
    const [item, list] = parts;
    // Looking for a value in a list of literals is a look into a table.
    if (expr.fn === '@in' && item !== undefined && isLiteralList(list?.constant)) {
      const { constant: literals } = list ?? {};
      return plain((activation) => contains(literals as ListValue, item.run(activation)));
    }
    const run: Run = (activation) => {
      const values = argumentsOf(parts, activation);
      const overload = chosen(overloads, values);
      const result = invoke(overload, values);
      activation.spend(costOf(overload, values, result));
      return result;
    };
    if (conversions.has(expr.fn) && parts.every((part) => part.constant !== undefined))
      return foldedIfValid(run);
    return plain(run);
  }

  #list(expr: Expr & { readonly type: 'list' }): Part {
    const items = expr.items.map(({ value, optional }) => ({ part: this.part(value), optional }));
    const values = items.map(({ part }) => part.constant);
    if (values.every((value) => value !== undefined)) return constant(new ListValue(values));
    return plain((activation) => {
      const made: Value[] = [];
      for (const { part, optional } of items) {
        const value = part.run(activation);
        if (!optional) made.push(value);
        else if (value instanceof OptionalValue && value.value !== undefined)
          made.push(value.value);
      }
      activation.spend(listCost);
      return new ListValue(made);
    });
  }

  #map(expr: Expr & { readonly type: 'map' }): Part {
    const entries = expr.entries.map(({ key, value, optional }) => ({
      key: this.part(key),
      value: this.part(value),
      optional,
    }));
    const run: Run = (activation) => {
      const made: [Value, Value][] = [];
      for (const { key, value, optional } of entries) {
        const name = key.run(activation);
        const found = value.run(activation);
        if (!optional) made.push([name, found]);
        else if (found instanceof OptionalValue && found.value !== undefined)
          made.push([name, found.value]);
      }
      activation.spend(mapCost);
      return new MapValue(made);
    };
    const literal = entries.every(
      ({ key, value }) => key.constant !== undefined && value.constant !== undefined,
    );
    return literal ? foldedIfValid(run) : plain(run);
  }

  /** Errors give way to a side that decides alone. */
  #logical(left: Expr, right: Expr, decides: boolean): Run {
    const [first, second] = [this.part(left).run, this.part(right).run];
    return (activation) => {
      const a = attempt(first, activation);
      if (a === decides) return decides;
      const b = attempt(second, activation);
      if (b === decides) return decides;
      if (a instanceof CelError) throw a;
      if (b instanceof CelError) throw b;
      if (typeof a !== 'boolean' || typeof b !== 'boolean') throw new CelError('no such overload');
      return !decides;
    };
  }

  #conditional(condition: Expr, left: Expr, right: Expr): Part {
    const test = this.part(condition).run;
    const [truthy, falsy] = [this.part(left).inner, this.part(right).inner];
    const run: Run = (activation) => {
      const chosen = test(activation);
      if (typeof chosen !== 'boolean') throw new CelError('no such overload');
      return chosen ? truthy(activation) : falsy(activation);
    };
    return { run, inner: run, chain: true };
  }

  #index(operand: Expr, index: Expr): Part {
    const { inner, run, chain: isChain } = this.part(operand);
    const start = isChain ? inner : run;
    const key = this.part(index).inner;
    return chain((activation) => {
      const value = start(activation);
      const at = key(activation);
      activation.spend(1);
      return indexed(value, at);
    });
  }

  #optional(fn: string, operand: Expr, index: Expr): Part {
    const { inner, run, chain: isChain } = this.part(operand);
    const start = isChain ? inner : run;
    const key = this.part(index).inner;
    return chain((activation) => {
      const value = start(activation);
      const at = key(activation);
      const found = value instanceof OptionalValue ? value.value : value;
      const made =
        found === undefined
          ? none
          : fn === '_?._'
            ? optionalField(found, at)
            : optionalIndex(found, at);
      // What is not there costs nothing, as upstream counts.
      if (found === undefined || made.value !== undefined) activation.spend(1);
      return made;
    });
  }

  #orElse(fn: string, left: Expr, right: Expr): Run {
    const [first, second] = [this.part(left).run, this.part(right).run];
    return (activation) => {
      const value = first(activation);
      if (!(value instanceof OptionalValue)) throw new CelError('no such overload');
      if (value.value === undefined) return second(activation);
      return fn === 'or' ? value : value.value;
    };
  }

  #notStrictlyFalse(arg: Expr): Run {
    const { run } = this.part(arg);
    return (activation) => {
      const value = attempt(run, activation);
      activation.spend(1);
      return value !== false;
    };
  }

  #fold(expr: FoldExpr): Run {
    const range = this.part(expr.range).run;
    const init = this.part(expr.init).run;
    const condition = this.part(expr.condition).run;
    const step = this.part(expr.step).run;
    const result = this.part(expr.result).run;
    const { accu, iter, iter2 } = expr;
    return (activation) => {
      const values = range(activation);
      // An error may still be overruled by a later turn of `all` or `exists`.
      let carried: Value | CelError = init(activation);
      for (const [first, second] of turns(values, iter2 !== undefined)) {
        activation.push(accu, carried);
        const goesOn = condition(activation);
        activation.pop(1);
        if (goesOn !== true) break;
        activation.push(accu, carried);
        activation.push(iter, first);
        if (iter2 !== undefined) activation.push(iter2, second);
        const next: Value | CelError = attempt(step, activation);
        activation.pop(iter2 === undefined ? 2 : 3);
        if (next instanceof CelError && !overrulable(expr)) throw next;
        carried = next;
      }
      activation.push(accu, carried);
      const made = result(activation);
      activation.pop(1);
      return made;
    };
  }
}

/** All are evaluated, and the call costs something, also when one of them fails. */
function argumentsOf(parts: readonly Part[], activation: Activation): readonly Value[] {
  const values: Value[] = [];
  let failed: CelError | undefined;
  for (const { run } of parts) {
    const value = attempt(run, activation);
    if (value instanceof CelError) failed ??= value;
    else values.push(value);
  }
  if (failed === undefined) return values;
  activation.spend(1);
  throw failed;
}

const listCost = 10;
const mapCost = 30;

/** Of literals their result is computed once, when they are compiled. */
const conversions: ReadonlySet<string> = new Set([
  'bool',
  'bytes',
  'double',
  'duration',
  'dyn',
  'int',
  'string',
  'timestamp',
  'uint',
]);

function constant(value: Value): Part {
  const run = () => value;
  return { run, inner: run, chain: false, constant: value };
}

function plain(run: Run): Part {
  return { run, inner: run, chain: false };
}

/** The start of a chain costs one, once, however long it gets. */
function chain(inner: Run): Part {
  const run: Run = (activation) => {
    const value = attempt(inner, activation);
    activation.spend(1);
    if (value instanceof CelError) throw value;
    return value;
  };
  return { run, inner, chain: true };
}

function foldedIfValid(run: Run): Part {
  try {
    return constant(run(new Activation({}, Number.POSITIVE_INFINITY)));
  } catch {
    return plain(run);
  }
}

function attempt(run: Run, activation: Activation): Value | CelError {
  try {
    return run(activation);
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

function overrulable({ step }: FoldExpr): boolean {
  return step.type === 'call' && (step.fn === '_&&_' || step.fn === '_||_');
}
