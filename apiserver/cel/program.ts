/** Expressions from their text to their answer. */
import { CelSyntaxError, formatIssues, type Issue } from './ast.ts';
import { type Checked, checkExpr } from './checker.ts';
import { Activation, compileExpr } from './evaluate.ts';
import { functions } from './library/index.ts';
import { literalIssues } from './literals.ts';
import { parse } from './parser.ts';
import type { Type } from './types.ts';
import type { Value } from './values.ts';

export interface Program {
  readonly type: Type;
  readonly checked: Checked;
  /** Throws `CelError`, or `BudgetError` when it costs more than `limit`. */
  evaluate(variables: Readonly<Record<string, Value>>, limit: number): Evaluated;
}

export interface Evaluated {
  readonly value: Value;
  readonly cost: number;
}

export type Compiled =
  | { readonly ok: true; readonly program: Program }
  /** In upstream's form, with the place marked. */
  | { readonly ok: false; readonly error: string };

/** Judges types; nothing is evaluated. */
export function compile(source: string, variables: ReadonlyMap<string, Type>): Compiled {
  const failed = (issues: readonly Issue[]): Compiled => ({
    ok: false,
    error: formatIssues(source, issues),
  });
  try {
    const checked = checkExpr(parse(source), { variables, functions });
    const issues = checked.issues.length > 0 ? checked.issues : literalIssues(checked);
    if (issues.length > 0) return failed(issues);
    const run = compileExpr(checked);
    const evaluate: Program['evaluate'] = (values, limit) => {
      const activation = new Activation(values, limit);
      const value = run(activation);
      return { value, cost: activation.cost };
    };
    return { ok: true, program: { type: checked.type, checked, evaluate } };
  } catch (error) {
    if (error instanceof CelSyntaxError) return failed([error.issue]);
    throw error;
  }
}
