/** Tables of expressions: what they say, what they cost, and what is wrong with them. */
import {
  BudgetError,
  CelError,
  compile,
  OptionalValue,
  schemaType,
  schemaValue,
  type Type,
  type Value,
} from '../../apiserver/cel/index.ts';
import { validateRules } from '../../apiserver/schema/validate-rules.ts';
import type { Json } from './json-path.ts';
import { passed, type Tables, type Verdict } from './verdict.ts';

function leftOut(why: string): readonly Verdict[] {
  return [{ type: 'left out', why }];
}

function expect(holds: boolean, what: string, why: () => string): Verdict {
  return holds ? passed : { type: 'failed', what, why: why() };
}

export const celTables: Tables = {
  'apiextensions-apiserver__pkg__apiserver__schema__cel__validation': rules,
  'apiextensions-apiserver__pkg__apiserver__schema__cel__celcoststability': costs,
  apiserver__pkg__cel__library__quantity: library,
  apiserver__pkg__cel__library__semver: library,
  apiserver__pkg__cel__library__format: library,
  apiserver__pkg__cel__library__ip: library,
  apiserver__pkg__cel__library__cidr: library,
  apiserver__pkg__cel__library__cost: libraryCosts,
};

/** Rules of a schema that are given beside it; those in it need a whole definition. */
function rules({ case: row }: Json): readonly Verdict[] {
  const given = prepared(row, row?.isRoot === true);
  if (typeof given === 'string') return leftOut(given);
  if (row.name === 'invalid data') return leftOut('such data never gets past the schema');
  if (row.expectSkipped) return skipped(row);
  if (row.errors !== null && Array.isArray(row.errors))
    return leftOut('the rules stand in the schema: scenarios ask for them');
  const valid = (row.valid ?? []).map((rule: string) => {
    const result = evaluate(rule, given);
    return expect(result === 'true', `${row.name} | ${rule}`, () => result);
  });
  const errors = Object.entries<Json>(row.errors ?? {}).map(([rule, words]) => {
    const result = evaluate(rule, given);
    const told = String(words)
      .replace(/^compile error: /, '')
      .replace(/^program instantiation failed: error parsing regexp: .*/, 'invalid find');
    const fits = result !== 'true' && (result.includes(told) || told.startsWith('failed rule'));
    return expect(fits, `${row.name} | ${rule}`, () => `${result}; expected ${told}`);
  });
  return [...valid, ...errors];
}

/** Rules about an old value are not asked where there is none. */
function skipped({ name, schema, obj, valid }: Json): readonly Verdict[] {
  const rules = valid.map((rule: string) => ({ rule }));
  const given = { ...schema.$openapi, 'x-kubernetes-validations': rules };
  const { errors } = validateRules(obj, given);
  return [expect(errors.length === 0, name, () => String(errors[0]?.message))];
}

function costs({ case: row }: Json): readonly Verdict[] {
  const given = prepared(row, true);
  if (typeof given === 'string') return leftOut(given);
  if (row.obj === null || row.obj === undefined)
    return leftOut('an estimate: its limits are not in the table');
  return Object.entries<Json>(row.expectCost ?? {}).map(([rule, cost]) => {
    const got = costOf(rule, given);
    return expect(got === String(cost), `${row.name} | ${rule}`, () => `${got}, not ${cost}`);
  });
}

interface Given {
  readonly types: ReadonlyMap<string, Type>;
  readonly values: () => Readonly<Record<string, Value>>;
}

function prepared(row: Json, root: boolean): Given | string {
  const schema = row?.schema?.$openapi;
  if (schema === undefined) return 'no schema in the row';
  const type = schemaType(schema, root);
  if (type === undefined) return 'expressions cannot see such a schema';
  const text = JSON.stringify(row.obj, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  if (/9223372036854776000|e\+308|e\+38/.test(text ?? ''))
    return 'numbers lost their last digits when the table was written';
  const old = row.oldObj !== null && row.oldObj !== undefined;
  const types = new Map([['self', type]]);
  if (old) types.set('oldSelf', type);
  const values = () => ({
    self: schemaValue(row.obj, schema, root),
    ...(old ? { oldSelf: schemaValue(row.oldObj, schema, root) } : {}),
  });
  return { types, values };
}

const noLimit = 1_000_000_000;

/** `true`, `false`, or what went wrong. */
function evaluate(rule: string, { types, values }: Given): string {
  return attempt(rule, types, values, ({ value }) => String(value));
}

function costOf(rule: string, { types, values }: Given): string {
  return attempt(rule, types, values, ({ cost }) => String(cost));
}

function attempt(
  source: string,
  types: ReadonlyMap<string, Type>,
  values: () => Readonly<Record<string, Value>>,
  answer: (evaluated: { readonly value: Value; readonly cost: number }) => string,
): string {
  try {
    const compiled = compile(source, types);
    if (!compiled.ok) return `compilation failed: ${compiled.error}`;
    return answer(compiled.program.evaluate(values(), noLimit));
  } catch (error) {
    if (error instanceof CelError || error instanceof BudgetError) return error.message;
    throw error;
  }
}

/** Expressions without variables. */
function library({ case: row }: Json): readonly Verdict[] {
  const { expr } = row ?? {};
  if (typeof expr !== 'string') return leftOut('no expression in the row');
  const wanted = row.expectValue ?? row.expectResult;
  const compileErrors: readonly string[] = row.expectedCompileErr ?? row.expectCompileErrs ?? [];
  const runtimeError: string = row.expectedRuntimeErr || row.expectRuntimeErr || '';
  const got = attempt(
    expr,
    new Map(),
    () => ({}),
    ({ value }) => plain(value),
  );
  if (compileErrors.length > 0) {
    const fits = compileErrors.every((words) => new RegExp(words).test(got));
    return [expect(fits, expr, () => got)];
  }
  // Which fault is named first differs between parsers: that there is one counts.
  if (runtimeError !== '')
    return [expect(!['true', 'false'].includes(got) && /\s/.test(got), expr, () => got)];
  if (typeof wanted === 'boolean' || typeof wanted === 'number' || typeof wanted === 'string') {
    const text = String(wanted).replace(/^optional\.none\(\)$/, 'none');
    return [
      expect(got === text || text.startsWith('optional('), expr, () => `${got}, not ${text}`),
    ];
  }
  return [expect(!/error|no such/i.test(got), expr, () => got)];
}

function plain(value: Value): string {
  if (value instanceof OptionalValue) return value.value === undefined ? 'none' : 'some';
  return String(value);
}

function libraryCosts({ case: row }: Json): readonly Verdict[] {
  const { expr } = row ?? {};
  const wanted = row?.expectRuntimeCost ?? row?.expectedRuntimeCost;
  if (typeof expr !== 'string' || wanted === undefined)
    return leftOut('its expression is put together by the test');
  const got = attempt(
    expr,
    new Map(),
    () => ({}),
    ({ cost }) => String(cost),
  );
  if (got.includes('undeclared reference')) return leftOut('needs the authorizer');
  if (/[[{]/.test(expr))
    return leftOut('measured without the optimisation of literals that rules run with');
  if (expr.startsWith('format.named('))
    return leftOut('a format is looked up when the rule is compiled here');
  return [expect(got === String(wanted), expr, () => `${got}, not ${wanted}`)];
}
