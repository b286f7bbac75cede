/**
 * Text to expressions.
 * Source: the grammar of the Common Expression Language, cel-spec `doc/langdef.md`.
 */
import { type CallExpr, CelSyntaxError, type Entry, type Expr, type Item } from './ast.ts';
import { type Token, tokenize } from './lexer.ts';
import { expandMacro } from './macros.ts';
import { isInt64 } from './values.ts';

/** Deeper nesting is refused: it would exhaust the stack. */
const maxDepth = 200;
/** Operators of one level in a row, as upstream counts them. */
const maxChain = 249;
/** Kubernetes' own limit is the request's size; longer expressions are no expressions. */
const maxLength = 100_000;

/** Throws `CelSyntaxError`. */
export function parse(source: string): Expr {
  if (source.length > maxLength)
    throw new CelSyntaxError(0, `expression code point size exceeds limit: ${maxLength}`);
  return new Parser(tokenize(source)).whole();
}

/** Binding power of the binary operators, loosest first. */
const levels: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

const reserved = new Set(
  (
    'as break const continue else for function if import let loop package namespace return ' +
    'var void while'
  ).split(' '),
);

/** No field can be selected by these. */
const literalWords = new Set(['true', 'false', 'null', 'in']);

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expr {
    const expr = this.#expr();
    if (this.#peek().type !== 'end') throw this.#unexpected('expecting <EOF>');
    return expr;
  }

  #expr(): Expr {
    this.#depth += 1;
    const condition = this.#binary(0);
    if (!this.#isOp('?')) {
      this.#depth -= 1;
      return condition;
    }
    const { at } = this.#take();
    const truthy = this.#binary(0);
    this.#expect(':');
    const falsy = this.#expr();
    this.#depth -= 1;
    return call(at, '_?_:_', [condition, truthy, falsy]);
  }

  #binary(level: number): Expr {
    const operators = levels[level];
    if (operators === undefined) return this.#unary();
    if (this.#depth > maxDepth)
      throw new CelSyntaxError(this.#peek().at, 'max recursion depth exceeded');
    const first = this.#binary(level + 1);
    const rest: { readonly fn: string; readonly at: number; readonly right: Expr }[] = [];
    while (operators.includes(this.#operator())) {
      const { at, text } = this.#take();
      const fn = text === 'in' ? '@in' : `_${text}_`;
      rest.push({ fn, at, right: this.#binary(level + 1) });
    }
    // Long chains of `&&` are made into a tree of little depth; others would be as deep as long.
    if (level < 2) return balanced([first, ...rest.map(({ right }) => right)], rest);
    if (rest.length > maxChain) throw new CelSyntaxError(first.at, 'max recursion depth exceeded');
    return rest.reduce<Expr>((left, { fn, at, right }) => call(at, fn, [left, right]), first);
  }

  #operator(): string {
    const token = this.#peek();
    return token.type === 'op' || (token.type === 'ident' && token.text === 'in') ? token.text : '';
  }

  #unary(): Expr {
    const { at, text } = this.#peek();
    if (!this.#isOp('!') && !this.#isOp('-')) return this.#limited(this.#member());
    this.#take();
    const number = this.#peek();
    if (text === '-' && number.type === 'literal' && typeof number.value !== 'string') {
      const { value } = number;
      if (typeof value === 'bigint' || typeof value === 'number') {
        this.#take();
        return this.#suffixes({ type: 'const', at, value: -value as bigint });
      }
    }
    this.#depth += 1;
    const operand = this.#unary();
    this.#depth -= 1;
    return call(at, text === '!' ? '!_' : '-_', [operand]);
  }

  /** The lexer lets one int too many pass, which only its negative is. */
  #limited(expr: Expr): Expr {
    if (expr.type === 'const' && typeof expr.value === 'bigint' && !isInt64(expr.value))
      throw new CelSyntaxError(expr.at, 'invalid int literal');
    return expr;
  }

  #member(): Expr {
    return this.#suffixes(this.#primary());
  }

  #suffixes(start: Expr): Expr {
    let expr = start;
    for (let length = 0; ; length += 1) {
      const { at } = this.#peek();
      if (length > maxDepth) throw new CelSyntaxError(at, 'max recursion depth exceeded');
      if (this.#isOp('.')) {
        this.#take();
        expr = this.#selection(expr, at);
      } else if (this.#isOp('.?')) {
        this.#take();
        const name = this.#fieldName();
        expr = call(at, '_?._', [expr, { type: 'const', at, value: name }]);
      } else if (this.#isOp('[') || this.#isOp('[?')) {
        const fn = this.#take().text === '[' ? '_[_]' : '_[?_]';
        const index = this.#expr();
        this.#expect(']');
        expr = call(at, fn, [expr, index]);
      } else if (this.#isOp('{') && isName(expr)) expr = this.#struct(expr);
      else return expr;
    }
  }

  #selection(operand: Expr, at: number): Expr {
    const quoted = this.#peek().type === 'quoted';
    const field = this.#fieldName();
    if (quoted || !this.#isOp('(')) return { type: 'select', at, operand, field, test: false };
    const opening = this.#take().at;
    const args = this.#args();
    const made: CallExpr = { ...call(opening, field, [operand, ...args]), member: true };
    return expandMacro(made) ?? made;
  }

  #fieldName(): string {
    const token = this.#take();
    const literal = token.type === 'ident' && literalWords.has(token.text);
    if ((token.type === 'ident' || token.type === 'quoted') && !literal) return token.text;
    throw this.#unexpected('expecting IDENTIFIER', token);
  }

  #args(): Expr[] {
    const args: Expr[] = [];
    while (!this.#isOp(')')) {
      args.push(this.#expr());
      if (!this.#isOp(')')) this.#expect(',');
    }
    this.#take();
    return args;
  }

  #primary(): Expr {
    const token = this.#take();
    const { at, text } = token;
    if (token.type === 'literal') return { type: 'const', at, value: token.value };
    if (token.type === 'ident') return this.#named(text, at, at);
    if (token.type === 'op') {
      if (text === '.') {
        const name = this.#fieldName();
        return this.#named(name, at, at);
      }
      if (text === '(') {
        const inner = this.#expr();
        this.#expect(')');
        return inner;
      }
      if (text === '[' || text === '[?') return this.#list(at, text === '[?');
      if (text === '{' || text === '{?') return this.#map(at, text === '{?');
    }
    throw this.#unexpected('', token);
  }

  #named(name: string, at: number, start: number): Expr {
    if (name === 'true' || name === 'false') return { type: 'const', at, value: name === 'true' };
    if (name === 'null') return { type: 'const', at, value: null };
    if (reserved.has(name)) throw new CelSyntaxError(start, `reserved identifier: ${name}`);
    if (!this.#isOp('(')) return { type: 'ident', at, name };
    const opening = this.#take().at;
    const made = call(opening, name, this.#args());
    return expandMacro(made) ?? made;
  }

  #list(at: number, firstOptional: boolean): Expr {
    const items: Item[] = [];
    let optional = firstOptional;
    while (!this.#isOp(']')) {
      if (items.length > 0 && this.#isOp('?')) optional = this.#take().text === '?';
      items.push({ value: this.#expr(), optional });
      optional = false;
      if (!this.#isOp(']')) this.#expect(',');
    }
    this.#take();
    return { type: 'list', at, items };
  }

  #map(at: number, firstOptional: boolean): Expr {
    const entries: Entry[] = [];
    let optional = firstOptional;
    while (!this.#isOp('}')) {
      if (this.#isOp('?')) optional = this.#take().text === '?';
      const key = this.#expr();
      this.#expect(':');
      entries.push({ key, value: this.#expr(), optional });
      optional = false;
      if (!this.#isOp('}')) this.#expect(',');
    }
    this.#take();
    return { type: 'map', at, entries };
  }

  #struct(name: Expr): Expr {
    const { at, text } = this.#take();
    const entries: Entry[] = [];
    let optional = text === '{?';
    while (!this.#isOp('}')) {
      if (this.#isOp('?')) optional = this.#take().text === '?';
      const field = this.#peek();
      const key: Expr = { type: 'const', at: field.at, value: this.#fieldName() };
      this.#expect(':');
      entries.push({ key, value: this.#expr(), optional });
      optional = false;
      if (!this.#isOp('}')) this.#expect(',');
    }
    this.#take();
    return { type: 'struct', at, name: dotted(name) ?? '', entries };
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { type: 'end', at: 0, text: '<EOF>' };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  #isOp(text: string): boolean {
    const token = this.#peek();
    return token.type === 'op' && token.text === text;
  }

  #expect(text: string): void {
    if (!this.#isOp(text)) throw this.#unexpected(`expecting '${text}'`);
    this.#take();
  }

  #unexpected(hint: string, token = this.#peek()): CelSyntaxError {
    const expecting =
      hint ||
      "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
    return new CelSyntaxError(
      token.at,
      `Syntax error: mismatched input '${token.text}' ${expecting}`,
    );
  }
}

function call(at: number, fn: string, args: readonly Expr[]): CallExpr {
  return { type: 'call', at, fn, member: false, args };
}

/** `operators` stand between the operands. */
function balanced(
  operands: readonly Expr[],
  operators: readonly { readonly fn: string; readonly at: number }[],
): Expr {
  const [only] = operands;
  const middle = Math.ceil(operands.length / 2);
  const operator = operators[middle - 1];
  if (only !== undefined && (operands.length === 1 || operator === undefined)) return only;
  const left = balanced(operands.slice(0, middle), operators.slice(0, middle - 1));
  const right = balanced(operands.slice(middle), operators.slice(middle));
  return call(operator?.at ?? 0, operator?.fn ?? '', [left, right]);
}

function isName(expr: Expr): boolean {
  return dotted(expr) !== undefined;
}

/** `a.b.c` as a text; `undefined` when it is something else. */
export function dotted(expr: Expr): string | undefined {
  if (expr.type === 'ident') return expr.name;
  if (expr.type !== 'select' || expr.test) return undefined;
  const before = dotted(expr.operand);
  return before === undefined ? undefined : `${before}.${expr.field}`;
}
