/** Expressions as they are parsed; macros are expanded to folds, as in upstream. */
import type { Value } from './values.ts';

interface Node {
  /** Offset in the source, in UTF-16 units. */
  readonly at: number;
}

export type Expr =
  | (Node & { readonly type: 'const'; readonly value: Value })
  | (Node & { readonly type: 'ident'; readonly name: string })
  | SelectExpr
  | CallExpr
  | (Node & { readonly type: 'list'; readonly items: readonly Item[] })
  | (Node & { readonly type: 'map'; readonly entries: readonly Entry[] })
  | (Node & { readonly type: 'struct'; readonly name: string; readonly entries: readonly Entry[] })
  | FoldExpr;

export interface SelectExpr extends Node {
  readonly type: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly test: boolean;
}

/** Functions and operators; operators have upstream's names (`_+_`). A method's target comes first. */
export interface CallExpr extends Node {
  readonly type: 'call';
  readonly fn: string;
  readonly member: boolean;
  readonly args: readonly Expr[];
}

export interface Item {
  readonly value: Expr;
  /** `[?x]`: left out when the optional is empty. */
  readonly optional: boolean;
}

export interface Entry extends Item {
  readonly key: Expr;
}

/** A loop over a range that carries one accumulated value. */
export interface FoldExpr extends Node {
  readonly type: 'fold';
  readonly range: Expr;
  readonly iter: string;
  /** The second variable: index and value of a list, key and value of a map. */
  readonly iter2: string | undefined;
  readonly accu: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** What is wrong with an expression, and where. */
export interface Issue {
  readonly at: number;
  readonly message: string;
}

/** Thrown by the parser; the checker gathers its issues. */
export class CelSyntaxError extends Error {
  override readonly name = 'CelSyntaxError';
  readonly issue: Issue;

  constructor(at: number, message: string) {
    super(message);
    this.issue = { at, message };
  }
}

/** Issues in upstream's form: place, message, the line and a mark under it. */
export function formatIssues(source: string, issues: readonly Issue[]): string {
  return [...issues]
    .sort((a, b) => a.at - b.at)
    .map(({ at, message }) => {
      const before = source.slice(0, at).split('\n');
      const column = [...(before.at(-1) ?? '')].length;
      const line = source.split('\n')[before.length - 1] ?? '';
      const mark = `${'.'.repeat(column)}^`;
      return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${mark}`;
    })
    .join('\n');
}
