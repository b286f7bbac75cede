/**
 * Gives every part of an expression its type, and finds the functions that are meant.
 * Source: cel-go `checker/checker.go`.
 */
import type { CallExpr, Entry, Expr, Issue, SelectExpr } from './ast.ts';
import type { Functions, Overload } from './functions.ts';
import { dotted } from './parser.ts';
import {
  assignable,
  type Bindings,
  bool,
  dyn,
  formatType,
  isAny,
  listOf,
  optionalOf,
  renamed,
  scalar,
  substitute,
  type Type,
  unwrapped,
} from './types.ts';
import { TypeValue, Uint, type Value } from './values.ts';

export interface Checked {
  readonly expr: Expr;
  readonly type: Type;
  readonly issues: readonly Issue[];
  readonly types: ReadonlyMap<Expr, Type>;
  /** What a call may mean; more than one when types are only known when it runs. */
  readonly overloads: ReadonlyMap<Expr, readonly Overload[]>;
  /** Arguments of calls, without names that only say where a function belongs (`sets.contains`). */
  readonly args: ReadonlyMap<Expr, readonly Expr[]>;
  /** Names of types that are used as values. */
  readonly typeNames: ReadonlyMap<Expr, TypeValue>;
}

export interface CheckOptions {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: Functions;
}

export function checkExpr(expr: Expr, options: CheckOptions): Checked {
  const checker = new Checker(options);
  const type = checker.check(expr);
  return checker.result(expr, type);
}

const typeNames: ReadonlyMap<string, Type> = new Map<string, Type>([
  ...(['bool', 'int', 'uint', 'double', 'string', 'bytes'] as const).map(
    (name) => [name, scalar(name)] as const,
  ),
  ['list', listOf(dyn)],
  ['map', { kind: 'map', key: dyn, value: dyn }],
  ['null_type', scalar('null')],
  ['type', { kind: 'type', of: dyn }],
  ['google.protobuf.Timestamp', scalar('timestamp')],
  ['google.protobuf.Duration', scalar('duration')],
  ['optional_type', optionalOf(dyn)],
  ...[
    'net.IP',
    'net.CIDR',
    'kubernetes.URL',
    'kubernetes.Quantity',
    'kubernetes.Semver',
    'kubernetes.NamedFormat',
  ].map((name): [string, Type] => [name, { kind: 'opaque', name, params: [] }]),
]);

class Checker {
  readonly #functions: Functions;
  readonly #variables: ReadonlyMap<string, Type>;
  readonly #scopes: Map<string, Type>[] = [];
  readonly #bindings: Bindings = new Map();
  readonly #issues: Issue[] = [];
  readonly #types = new Map<Expr, Type>();
  readonly #overloads = new Map<Expr, readonly Overload[]>();
  readonly #args = new Map<Expr, readonly Expr[]>();
  readonly #typeNames = new Map<Expr, TypeValue>();
  #calls = 0;

  constructor({ functions, variables }: CheckOptions) {
    this.#functions = functions;
    this.#variables = variables;
  }

  result(expr: Expr, type: Type): Checked {
    const types = new Map<Expr, Type>();
    for (const [each, found] of this.#types) types.set(each, this.#final(found));
    return {
      expr,
      type: this.#final(type),
      issues: this.#issues,
      types,
      overloads: this.#overloads,
      args: this.#args,
      typeNames: this.#typeNames,
    };
  }

  check(expr: Expr): Type {
    const type = this.#infer(expr);
    this.#types.set(expr, type);
    return type;
  }

  #infer(expr: Expr): Type {
    switch (expr.type) {
      case 'const':
        return constantType(expr.value);
      case 'ident':
        return this.#name(expr, expr.name) ?? this.#undeclared(expr.at, expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return listOf(
          this.#joined(expr.items.map(({ value, optional }) => this.#item(value, optional))),
        );
      case 'map':
        return this.#map(expr.entries);
      case 'struct':
        for (const { value } of expr.entries) this.check(value);
        return this.#undeclared(expr.at, expr.name);
      case 'fold':
        return this.#fold(expr);
    }
  }

  /** A variable, or a type that is named. */
  #name(expr: Expr, name: string): Type | undefined {
    const variable = this.#variable(name);
    if (variable !== undefined) return variable;
    const type = typeNames.get(name);
    if (type === undefined) return undefined;
    this.#typeNames.set(expr, new TypeValue(name));
    return { kind: 'type', of: type };
  }

  #variable(name: string): Type | undefined {
    for (const scope of this.#scopes.toReversed()) {
      const found = scope.get(name);
      if (found !== undefined) return found;
    }
    return this.#variables.get(name);
  }

  #undeclared(at: number, name: string): Type {
    return this.#error(at, `undeclared reference to '${name}' (in container '')`);
  }

  #error(at: number, message: string): Type {
    this.#issues.push({ at, message });
    return scalar('error');
  }

  #select(expr: SelectExpr): Type {
    const path = expr.test ? undefined : dotted(expr);
    if (path !== undefined && this.#variable(path.split('.')[0] ?? '') === undefined) {
      const named = this.#name(expr, path);
      if (named !== undefined) return named;
    }
    const operand = this.#final(this.check(expr.operand), false);
    const inner = unwrapped(operand);
    const field = this.#field(expr.at, inner ?? operand, expr.field);
    if (expr.test) return bool;
    return inner === undefined ? field : optionalOf(unwrapped(field) ?? field);
  }

  #field(at: number, operand: Type, name: string): Type {
    if (isAny(operand) || operand.kind === 'param') return dyn;
    if (operand.kind === 'map') return operand.value;
    if (operand.kind !== 'object')
      return this.#error(at, `type '${formatType(operand)}' does not support field selection`);
    return operand.fields.get(name) ?? this.#error(at, `undefined field '${name}'`);
  }

  #item(value: Expr, optional: boolean): Type {
    const type = this.check(value);
    if (!optional) return type;
    const inner = unwrapped(this.#final(type, false));
    if (inner !== undefined) return inner;
    if (isAny(type)) return dyn;
    return this.#error(
      value.at,
      `expected type 'optional_type(dyn)' but found '${formatType(type)}'`,
    );
  }

  /** Literals hold values of one type; what comes later is measured against the first. */
  #joined(types: readonly Type[]): Type {
    const [first, ...rest] = types;
    if (first === undefined) {
      this.#calls += 1;
      return { kind: 'param', name: `E#${this.#calls}` };
    }
    return rest.every((type) => this.#fits(first, type)) ? first : dyn;
  }

  #fits(to: Type, from: Type): boolean {
    const trial = new Map(this.#bindings);
    if (!assignable(to, from, trial)) return false;
    for (const [name, type] of trial) this.#bindings.set(name, type);
    return true;
  }

  #map(entries: readonly Entry[]): Type {
    const keys = entries.map(({ key }) => {
      const type = this.check(key);
      const kind = this.#final(type).kind;
      if (!['string', 'int', 'uint', 'bool', 'dyn', 'error'].includes(kind))
        this.#error(key.at, `unsupported map key type: ${formatType(type)}`);
      return type;
    });
    const values = entries.map(({ value, optional }) => this.#item(value, optional));
    return { kind: 'map', key: this.#joined(keys), value: this.#joined(values) };
  }

  #fold(expr: Expr & { readonly type: 'fold' }): Type {
    const range = this.#final(this.check(expr.range), false);
    const accu = this.check(expr.init);
    const scope = new Map([[expr.accu, accu]]);
    this.#scopes.push(scope);
    const [first, second] = this.#loopTypes(expr.range.at, range, expr.iter2 !== undefined);
    scope.set(expr.iter, first);
    if (expr.iter2 !== undefined) scope.set(expr.iter2, second);
    this.#mustBe(expr.condition, bool);
    const step = this.check(expr.step);
    if (!this.#fits(accu, step)) this.#mismatch(expr.step.at, accu, step);
    scope.delete(expr.iter);
    const result = this.check(expr.result);
    this.#scopes.pop();
    return result;
  }

  #loopTypes(at: number, range: Type, both: boolean): readonly [Type, Type] {
    if (range.kind === 'list') return [both ? scalar('int') : range.element, range.element];
    if (range.kind === 'map') return [range.key, range.value];
    if (isAny(range) || range.kind === 'param') return [dyn, dyn];
    const message = `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`;
    const wrong = this.#error(at, message);
    return [wrong, wrong];
  }

  #mustBe(expr: Expr, type: Type): void {
    const found = this.check(expr);
    if (!this.#fits(type, found)) this.#mismatch(expr.at, type, found);
  }

  #mismatch(at: number, wanted: Type, found: Type): void {
    const [want, have] = [this.#final(wanted), this.#final(found)];
    this.#error(at, `expected type '${formatType(want)}' but found '${formatType(have)}'`);
  }

  #call(expr: CallExpr): Type {
    const { fn, member, args, at } = expr;
    const [target, ...rest] = args;
    if (fn === '_?._') return this.#optionalSelect(expr);
    if (member && target !== undefined) {
      const path = dotted(target);
      const name = path === undefined ? undefined : `${path}.${fn}`;
      const declared = name !== undefined && this.#functions.has(name);
      if (declared && this.#variable(path?.split('.')[0] ?? '') === undefined) {
        this.#args.set(expr, rest);
        return this.#resolve(expr, name, false, rest);
      }
    }
    if (!this.#functions.has(fn)) {
      for (const arg of args) this.check(arg);
      return this.#undeclared(at, fn);
    }
    return this.#resolve(expr, fn, member, args);
  }

  #resolve(expr: CallExpr, fn: string, member: boolean, args: readonly Expr[]): Type {
    const given = args.map((arg) => this.check(arg));
    const candidates = (this.#functions.get(fn) ?? []).filter(
      (each) => each.member === member && each.params.length === args.length,
    );
    const found: Overload[] = [];
    let result: Type | undefined;
    for (const candidate of candidates) {
      this.#calls += 1;
      const suffix = String(this.#calls);
      const trial = new Map(this.#bindings);
      const fits = candidate.params.every((param, i) =>
        assignable(renamed(param, suffix), given[i] ?? dyn, trial),
      );
      if (!fits) continue;
      found.push(candidate);
      const type = substitute(renamed(candidate.result, suffix), trial);
      if (result === undefined) {
        result = type;
        for (const [name, bound] of trial) this.#bindings.set(name, bound);
      } else if (formatType(this.#final(result)) !== formatType(this.#final(type))) result = dyn;
    }
    this.#overloads.set(expr, found);
    return result ?? this.#noOverload(expr, fn, member, given);
  }

  #noOverload(expr: CallExpr, fn: string, member: boolean, given: readonly Type[]): Type {
    const types = given.map((type) => formatType(this.#final(type)));
    if (given.some(({ kind }) => kind === 'error')) return scalar('error');
    const shown = member ? `${types[0]}.(${types.slice(1).join(', ')})` : `(${types.join(', ')})`;
    return this.#error(expr.at, `found no matching overload for '${fn}' applied to '${shown}'`);
  }

  #optionalSelect({ args, at }: CallExpr): Type {
    const [target, name] = args;
    if (target === undefined || name?.type !== 'const') return dyn;
    this.check(name);
    const operand = this.#final(this.check(target), false);
    const field = this.#field(at, unwrapped(operand) ?? operand, String(name.value));
    return optionalOf(unwrapped(field) ?? field);
  }

  #final(type: Type, last = true): Type {
    return substitute(type, this.#bindings, last);
  }
}

function constantType(value: Value): Type {
  if (value === null) return scalar('null');
  switch (typeof value) {
    case 'boolean':
      return bool;
    case 'bigint':
      return scalar('int');
    case 'number':
      return scalar('double');
    case 'string':
      return scalar('string');
    default:
      return scalar(value instanceof Uint ? 'uint' : 'bytes');
  }
}
