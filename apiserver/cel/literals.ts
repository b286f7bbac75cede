/** Literals that could only fail: what is wrong with them is said when the expression is compiled. */
import type { Expr, Issue } from './ast.ts';
import type { Checked } from './checker.ts';
import { regex } from './library/regex.ts';
import { parseDuration, parseTimestamp } from './library/time.ts';
import { formatType, isAny, type Type } from './types.ts';
import { CelError, Timestamp, type Value } from './values.ts';

export function literalIssues({ types }: Checked): Issue[] {
  const mixed = new Set<Expr>();
  return [...types.keys()].reverse().flatMap((expr) => {
    // The values of a format are of any type.
    if (expr.type === 'call' && expr.fn === 'format') for (const arg of expr.args) mixed.add(arg);
    if (expr.type === 'call') return callIssues(expr.fn, expr.args);
    if (expr.type === 'list' && !mixed.has(expr))
      return uniform(
        expr.items.filter(isPlain).map(({ value }) => value),
        types,
      );
    if (expr.type !== 'map') return [];
    const keys = expr.entries.map(({ key }) => key);
    const values = expr.entries.filter(isPlain).map(({ value }) => value);
    return [...uniform(keys, types), ...uniform(values, types)];
  });
}

/** What an optional holds has been judged already. */
function isPlain({ optional }: { readonly optional: boolean }): boolean {
  return !optional;
}

/** Literals hold values of one type. */
function uniform(items: readonly Expr[], types: ReadonlyMap<Expr, Type>): Issue[] {
  const [first, ...rest] = items.map((item) => ({ at: item.at, type: types.get(item) }));
  if (first?.type === undefined || isAny(first.type)) return [];
  const wanted = formatType(first.type);
  const odd = rest.find(({ type }) => type !== undefined && !isAny(type) && differs(type, wanted));
  if (odd?.type === undefined) return [];
  const message = `expected type '${wanted}' but found '${formatType(odd.type)}'`;
  return [{ at: odd.at, message }];
}

function differs(type: Type, wanted: string): boolean {
  const text = formatType(type);
  return text !== wanted && !text.includes('dyn') && !wanted.includes('dyn');
}

function callIssues(fn: string, args: readonly Expr[]): Issue[] {
  const rule = Object.hasOwn(rules, fn) ? rules[fn] : undefined;
  const literal = args[rule?.argument ?? 0];
  if (rule === undefined || literal?.type !== 'const') return [];
  return fails(rule.parse, literal.value)
    ? [{ at: literal.at, message: `invalid ${fn} argument` }]
    : [];
}

interface LiteralRule {
  readonly argument: number;
  readonly parse: (literal: Value) => unknown;
}

const rules: Readonly<Record<string, LiteralRule>> = {
  timestamp: { argument: 0, parse: timestamp },
  duration: { argument: 0, parse: ofText(parseDuration) },
  matches: { argument: 1, parse: ofText(regex) },
  find: { argument: 1, parse: ofText(regex) },
  findAll: { argument: 1, parse: ofText(regex) },
};

function ofText(parse: (text: string) => unknown): (literal: Value) => unknown {
  return (literal) => (typeof literal === 'string' ? parse(literal) : undefined);
}

function timestamp(literal: Value): unknown {
  if (typeof literal === 'bigint') return new Timestamp(literal * 1_000_000_000n);
  return typeof literal === 'string' ? parseTimestamp(literal) : undefined;
}

function fails(parse: (literal: Value) => unknown, literal: Value): boolean {
  try {
    parse(literal);
    return false;
  } catch (error) {
    if (error instanceof CelError) return true;
    throw error;
  }
}
