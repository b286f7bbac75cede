/**
 * Macros, expanded when they are parsed.
 * Source: cel-go `parser/macro.go`, `ext/comprehensions.go`, `cel/library.go` (optMap, optFlatMap).
 */
import { type CallExpr, CelSyntaxError, type Expr, type FoldExpr } from './ast.ts';

const accu = '@result';

/** `undefined` when it is an ordinary call. */
export function expandMacro(call: CallExpr): Expr | undefined {
  const { fn, args, member, at } = call;
  if (!member) {
    if (fn === 'has' && args.length === 1) return presence(args[0], at);
    return undefined;
  }
  const [target, ...rest] = args;
  if (target === undefined) return undefined;
  if (fn === 'optMap' && rest.length === 2) return optional(call, target, rest, true);
  if (fn === 'optFlatMap' && rest.length === 2) return optional(call, target, rest, false);
  if (target.type === 'ident' && target.name === 'cel' && fn === 'bind' && rest.length === 3)
    return bind(at, rest);
  const macro = macros.find(([name, count]) => name === fn && count === rest.length);
  return macro?.[2](at, target, rest);
}

function presence(operand: Expr | undefined, at: number): Expr {
  if (operand?.type !== 'select') throw new CelSyntaxError(at, 'invalid argument to has() macro');
  return { ...operand, at, test: true };
}

type Expand = (at: number, range: Expr, args: readonly Expr[]) => Expr;

const macros: readonly (readonly [name: string, args: number, expand: Expand])[] = [
  ['all', 2, (at, range, args) => all(at, range, args, 1)],
  ['all', 3, (at, range, args) => all(at, range, args, 2)],
  ['exists', 2, (at, range, args) => exists(at, range, args, 1)],
  ['exists', 3, (at, range, args) => exists(at, range, args, 2)],
  ['exists_one', 2, (at, range, args) => existsOne(at, range, args, 1)],
  ['exists_one', 3, (at, range, args) => existsOne(at, range, args, 2)],
  ['existsOne', 3, (at, range, args) => existsOne(at, range, args, 2)],
  ['map', 2, (at, range, args) => mapping(at, range, [args[0], undefined, args[1]], 1)],
  ['map', 3, (at, range, args) => mapping(at, range, args, 1)],
  ['filter', 2, (at, range, args) => mapping(at, range, [args[0], args[1], args[0]], 1)],
  ['transformList', 3, (at, range, [a, b, c]) => mapping(at, range, [a, b, undefined, c], 2)],
  ['transformList', 4, (at, range, args) => mapping(at, range, args, 2)],
  [
    'transformMap',
    3,
    (at, range, [a, b, c]) => transformMap(at, range, [a, b, undefined, c], true),
  ],
  ['transformMap', 4, (at, range, args) => transformMap(at, range, args, true)],
  [
    'transformMapEntry',
    3,
    (at, range, [a, b, c]) => transformMap(at, range, [a, b, undefined, c], false),
  ],
  ['transformMapEntry', 4, (at, range, args) => transformMap(at, range, args, false)],
];

interface Loop {
  readonly at: number;
  readonly range: Expr;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** `names` are the loop's variables. */
function fold(loop: Loop, names: readonly (Expr | undefined)[]): FoldExpr {
  const [iter = '', iter2] = names.map((name) => {
    if (name?.type !== 'ident')
      throw new CelSyntaxError(name?.at ?? loop.at, 'argument must be a simple name');
    if (name.name === accu || name.name === '__result__')
      throw new CelSyntaxError(name.at, 'iteration variable overwrites accumulator variable');
    return name.name;
  });
  if (iter === iter2)
    throw new CelSyntaxError(names[1]?.at ?? loop.at, `duplicate variable name: ${iter}`);
  return { type: 'fold', iter, iter2, accu, ...loop };
}

function all(at: number, range: Expr, args: readonly Expr[], count: number): Expr {
  const condition = call(at, '@not_strictly_false', [result(at)]);
  const step = call(at, '_&&_', [result(at), args[count]]);
  const loop = { at, range, init: constant(at, true), condition, step, result: result(at) };
  return fold(loop, args.slice(0, count));
}

function exists(at: number, range: Expr, args: readonly Expr[], count: number): Expr {
  const condition = call(at, '@not_strictly_false', [call(at, '!_', [result(at)])]);
  const step = call(at, '_||_', [result(at), args[count]]);
  const loop = { at, range, init: constant(at, false), condition, step, result: result(at) };
  return fold(loop, args.slice(0, count));
}

function existsOne(at: number, range: Expr, args: readonly Expr[], count: number): Expr {
  const added = call(at, '_+_', [result(at), constant(at, 1n)]);
  const loop = {
    at,
    range,
    init: constant(at, 0n),
    condition: constant(at, true),
    step: call(at, '_?_:_', [args[count], added, result(at)]),
    result: call(at, '_==_', [result(at), constant(at, 1n)]),
  };
  return fold(loop, args.slice(0, count));
}

function mapping(
  at: number,
  range: Expr,
  args: readonly (Expr | undefined)[],
  count: number,
): Expr {
  const [predicate, made] = args.slice(count);
  const item: Expr = {
    type: 'list',
    at,
    items: [{ value: made ?? constant(at, null), optional: false }],
  };
  const added = call(at, '_+_', [result(at), item]);
  const loop = {
    at,
    range,
    init: { type: 'list' as const, at, items: [] },
    condition: constant(at, true),
    step: predicate === undefined ? added : call(at, '_?_:_', [predicate, added, result(at)]),
    result: result(at),
  };
  return fold(loop, args.slice(0, count));
}

function transformMap(
  at: number,
  range: Expr,
  args: readonly (Expr | undefined)[],
  keyed: boolean,
): Expr {
  const [key, , predicate, made] = args;
  const added = call(at, 'cel.@mapInsert', keyed ? [result(at), key, made] : [result(at), made]);
  const loop = {
    at,
    range,
    init: { type: 'map' as const, at, entries: [] },
    condition: constant(at, true),
    step: predicate === undefined ? added : call(at, '_?_:_', [predicate, added, result(at)]),
    result: result(at),
  };
  return fold(loop, args.slice(0, 2));
}

/** A loop over nothing binds a name: its result is the expression in which the name is known. */
function bound(at: number, name: string, value: Expr, inner: Expr): Expr {
  return {
    ...{ type: 'fold', at, iter: '#unused', iter2: undefined, accu: name },
    range: { type: 'list', at, items: [] },
    ...{ init: value, condition: constant(at, false), result: inner },
    step: { type: 'ident', at, name },
  };
}

function bind(at: number, [name, value, inner]: readonly Expr[]): Expr {
  if (name?.type !== 'ident' || value === undefined || inner === undefined)
    throw new CelSyntaxError(at, 'cel.bind() variable names must be simple identifiers');
  return bound(at, name.name, value, inner);
}

function optional(
  { at }: CallExpr,
  target: Expr,
  [name, made]: readonly Expr[],
  wrap: boolean,
): Expr {
  if (name?.type !== 'ident' || made === undefined)
    throw new CelSyntaxError(name?.at ?? at, 'optMap() variable name must be a simple identifier');
  const value = method(at, 'value', target);
  const inner = bound(at, name.name, value, made);
  const some = wrap ? call(at, 'optional.of', [inner]) : inner;
  const empty = call(at, 'optional.none', []);
  return call(at, '_?_:_', [method(at, 'hasValue', target), some, empty]);
}

function method(at: number, fn: string, target: Expr): Expr {
  return { type: 'call', at, fn, member: true, args: [target] };
}

function call(at: number, fn: string, args: readonly (Expr | undefined)[]): CallExpr {
  const given = args.filter((arg) => arg !== undefined);
  return { type: 'call', at, fn, member: false, args: given };
}

function result(at: number): Expr {
  return { type: 'ident', at, name: accu };
}

function constant(at: number, value: boolean | bigint | null): Expr {
  return { type: 'const', at, value };
}
