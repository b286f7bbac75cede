/**
 * What an expression may cost at most, from the limits of its schema, before it is ever evaluated.
 * Source: cel-go `checker/cost.go`; functions cost what they cost when they run, at their largest.
 */
import type { CallExpr, Expr, FoldExpr } from './ast.ts';
import type { Checked } from './checker.ts';
import { codePoints } from './values.ts';

/** At most; `Number.MAX_SAFE_INTEGER` and more mean without limit. */
export function estimateCost(checked: Checked): number {
  return new Estimator(checked).cost(checked.expr);
}

/** Nothing is known of the size. */
const unlimited = Number.POSITIVE_INFINITY;
/** What may stand in a request for such a value, in bytes. */
const longestText = 3 * 1024 * 1024 - 2;
const longestDuration = 32;
const longestTime = 37;
const listCost = 10;
const mapCost = 30;

class Estimator {
  readonly #checked: Checked;
  readonly #sizes = new Map<Expr, number>();

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  cost(expr: Expr): number {
    if (this.#checked.typeNames.has(expr)) return 0;
    switch (expr.type) {
      case 'const':
        return 0;
      case 'ident':
        return 1;
      case 'select': {
        const kind = this.#checked.types.get(expr.operand)?.kind;
        const selects = !expr.test && ['map', 'object', 'dyn'].includes(kind ?? '');
        return this.cost(expr.operand) + (selects ? 1 : 0);
      }
      case 'list':
        return listCost + this.#sum(expr.items.map(({ value }) => value));
      case 'map':
      case 'struct':
        return mapCost + this.#sum(expr.entries.flatMap(({ key, value }) => [key, value]));
      case 'call':
        return this.#call(expr);
      case 'fold':
        return this.#fold(expr);
    }
  }

  #sum(exprs: readonly Expr[]): number {
    return exprs.reduce((sum, each) => sum + this.cost(each), 0);
  }

  #call(expr: CallExpr): number {
    const args = this.#checked.args.get(expr) ?? expr.args;
    const costs = args.map((arg) => this.cost(arg));
    const all = costs.reduce((sum, cost) => sum + cost, 0);
    const [first = 0, second = 0, third = 0] = costs;
    if (expr.fn === '_&&_' || expr.fn === '_||_') return all;
    if (expr.fn === '_?_:_') {
      this.#sizes.set(expr, Math.max(...args.slice(1).map((arg) => this.#size(arg))));
      return first + Math.max(second, third);
    }
    const sizes = args.map((arg) => this.#size(arg));
    const result = this.#resultSize(expr, args, sizes);
    if (result !== undefined) this.#sizes.set(expr, result);
    const overloads = this.#checked.overloads.get(expr) ?? [];
    // Estimates go by the text that is looked for.
    const measured = /^(starts|ends)With$/.test(expr.fn) ? sizes.slice(1) : sizes;
    const own = overloads.map(({ cost, traverses }) =>
      traverses ? this.#traversal(args[0]) : (cost?.(measured, result ?? unlimited) ?? 1),
    );
    return all + (own.length === 0 ? 1 : Math.max(...own));
  }

  /** How large the answer of a function may be, where it follows from the arguments. */
  #resultSize(
    { fn }: CallExpr,
    args: readonly Expr[],
    [first = 0, second = 0]: readonly number[],
  ): number | undefined {
    const kind = args[0] === undefined ? undefined : this.#checked.types.get(args[0])?.kind;
    const sized = kind === 'string' || kind === 'bytes' || kind === 'list';
    switch (fn) {
      case '_+_':
        return sized ? first + second : undefined;
      case 'lowerAscii':
      case 'upperAscii':
      case 'substring':
      case 'trim':
      case 'reverse':
      case 'split':
      case 'find':
      case 'findAll':
      case 'bytes':
      case 'dyn':
        return first;
      case 'string':
        return sized ? first : undefined;
      case 'replace':
        return first * Math.max(1, second);
      case 'charAt':
        return 1;
      default:
        return undefined;
    }
  }

  /** All of a list down to its leaves. */
  #traversal(expr: Expr | undefined): number {
    if (expr === undefined) return 1;
    const type = this.#checked.types.get(expr);
    const size = this.#size(expr);
    if (type?.kind === 'string' || type?.kind === 'bytes') return Math.ceil(size * 0.1);
    if (type?.kind !== 'list') return size;
    const { element } = type;
    const text = element.kind === 'string' || element.kind === 'bytes';
    const each = text && 'maxSize' in element ? Math.ceil(element.maxSize * 0.1) : 1;
    return size * each;
  }

  #fold(expr: FoldExpr): number {
    const range = this.cost(expr.range);
    const init = this.cost(expr.init);
    const turn = this.cost(expr.condition) + this.cost(expr.step);
    const count = this.#size(expr.range);
    this.#sizes.set(expr, expr.init.type === 'const' ? 1 : count);
    const turns = count === 0 ? 0 : count * turn;
    return range + init + turns + this.cost(expr.result);
  }

  /** In characters, bytes or entries. */
  #size(expr: Expr): number {
    const known = this.#sizes.get(expr);
    if (known !== undefined) return known;
    if (expr.type === 'const') return typeof expr.value === 'string' ? codePoints(expr.value) : 1;
    if (expr.type === 'list') return expr.items.length;
    if (expr.type === 'map') return expr.entries.length;
    if (this.#checked.typeNames.has(expr)) return 1;
    const type = this.#checked.types.get(expr);
    switch (type?.kind) {
      case 'string':
      case 'bytes':
      case 'list':
      case 'map':
        return 'maxSize' in type ? (type.maxSize ?? unlimited) : unlimited;
      case 'dyn':
        return isPath(expr) ? longestText : unlimited;
      case 'duration':
        return isPath(expr) ? longestDuration : 1;
      case 'timestamp':
        return isPath(expr) ? longestTime : 1;
      case 'opaque':
        return type.name === 'optional_type' ? unlimited : 1;
      case 'type':
        return unlimited;
      default:
        // Scalars of the object cost nothing to compare, those that are computed do: as upstream.
        return isPath(expr) ? 0 : 1;
    }
  }
}

/** A part of the object, and nothing that was computed. */
function isPath(expr: Expr): boolean {
  // Accumulators are computed; their names start so.
  if (expr.type === 'ident') return !expr.name.startsWith('@');
  if (expr.type === 'select') return !expr.test && isPath(expr.operand);
  const [operand] = expr.type === 'call' && expr.fn === '_[_]' ? expr.args : [];
  return operand !== undefined && isPath(operand);
}
