/**
 * The part of Kubernetes' JSONPath that printer columns, scale paths and selectable fields use:
 * `.spec.x`, `['a.b']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `..x`, `[?(@.type=="Ready")].status`, `['a','b']`.
 * Source: Kubernetes client-go v0.32, `util/jsonpath`.
 */
import type { JsonValue } from './meta.ts';

/** Everything the path finds in `value`, in order; nothing where a field is missing. */
export type JsonPath = (value: JsonValue | undefined) => JsonValue[];

/** Thrown for a path that cannot be read. */
export class JsonPathError extends Error {
  override readonly name = 'JsonPathError';
}

/** Compiles a path; throws `JsonPathError`. */
export function compileJsonPath(path: string): JsonPath {
  const steps = new PathParser(path).parse();
  return (value) => (value === undefined ? [] : walk(steps, [value], value));
}

/** The field names of a path that is nothing but fields (`.spec.replicas`), else `undefined`. */
export function parseSimplePath(path: string): string[] | undefined {
  let steps: readonly Step[];
  try {
    steps = new PathParser(path).parse();
  } catch {
    return undefined;
  }
  const names = steps.map((step) => (step.type === 'field' ? step.name : undefined));
  return names.length > 0 && names.every((name) => name !== undefined) ? names : undefined;
}

type Step =
  | { readonly type: 'root' }
  | { readonly type: 'field'; readonly name: string; readonly path?: readonly string[] }
  | { readonly type: 'wildcard' }
  | { readonly type: 'recurse' }
  | { readonly type: 'index'; readonly index: number }
  | {
      readonly type: 'slice';
      readonly start: number | undefined;
      readonly end: number | undefined;
      readonly step: number;
    }
  | { readonly type: 'union'; readonly branches: readonly Step[] }
  | { readonly type: 'filter'; readonly test: Filter };

interface Filter {
  readonly left: Operand;
  readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=' | 'exists';
  readonly right: Operand;
}

type Operand =
  | { readonly type: 'literal'; readonly value: JsonValue }
  | { readonly type: 'path'; readonly steps: readonly Step[] };

function walk(steps: readonly Step[], from: readonly JsonValue[], root: JsonValue): JsonValue[] {
  let found = [...from];
  for (const step of steps) found = found.flatMap((value) => take(step, value, root));
  return found;
}

function take(step: Step, value: JsonValue, root: JsonValue): JsonValue[] {
  switch (step.type) {
    case 'root':
      return [root];
    case 'field': {
      const key = fieldOf(value, step.name);
      const inner = key === undefined ? nested(value, step.path) : key;
      return inner === undefined ? [] : [inner];
    }
    case 'wildcard':
      return children(value);
    case 'recurse':
      return [value, ...children(value).flatMap((child) => take(step, child, root))];
    case 'index': {
      if (!isArray(value)) return [];
      const element = value.at(step.index);
      return element === undefined ? [] : [element];
    }
    case 'slice':
      return isArray(value) ? slice(value, step) : [];
    case 'union':
      return step.branches.flatMap((branch) => take(branch, value, root));
    case 'filter':
      return isArray(value) ? value.filter((element) => passes(step.test, element)) : [];
  }
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function fieldOf(value: JsonValue, name: string): JsonValue | undefined {
  if (value === null || typeof value !== 'object' || isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

/** `['a.b']` means the key `a.b`, and failing that what upstream means by it: `.a.b`. */
function nested(value: JsonValue, path: readonly string[] | undefined): JsonValue | undefined {
  let inner: JsonValue | undefined = path === undefined ? undefined : value;
  for (const name of path ?? []) inner = inner === undefined ? undefined : fieldOf(inner, name);
  return inner;
}

function children(value: JsonValue): JsonValue[] {
  if (value === null || typeof value !== 'object') return [];
  if (isArray(value)) return [...value];
  return Object.values(value).filter((child) => child !== undefined);
}

function slice(
  list: readonly JsonValue[],
  { start = 0, end = list.length, step }: Extract<Step, { type: 'slice' }>,
): JsonValue[] {
  const first = start < 0 ? Math.max(0, list.length + start) : start;
  const last = Math.min(end < 0 ? list.length + end : end, list.length);
  return list.filter((_, i) => i >= first && i < last && (i - first) % step === 0);
}

function passes({ left, operator, right }: Filter, element: JsonValue): boolean {
  const lefts = resolve(left, element);
  if (operator === 'exists') return lefts.length > 0;
  const rights = resolve(right, element);
  const [a] = lefts;
  const [b] = rights;
  if (lefts.length !== 1 || rights.length !== 1 || a === undefined || b === undefined) return false;
  if (operator === '==') return compare(a, b) === 0;
  const order = compare(a, b);
  if (order === undefined) return false;
  switch (operator) {
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function resolve(operand: Operand, element: JsonValue): readonly JsonValue[] {
  return operand.type === 'literal' ? [operand.value] : walk(operand.steps, [element], element);
}

/** `undefined` when the two cannot be compared. */
function compare(a: JsonValue, b: JsonValue): number | undefined {
  const bothNumbers = isNumber(a) && isNumber(b);
  if (!bothNumbers && typeof a !== typeof b) return undefined;
  if (a === b) return 0;
  if (bothNumbers) return a < b ? -1 : Number(a > b);
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : 1;
  // Booleans differ, but neither is the greater; any sign says so.
  return typeof a === 'boolean' ? 1 : undefined;
}

function isNumber(value: JsonValue): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Reads one path; `#at` is the next character. */
class PathParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trim();
  }

  parse(): Step[] {
    const steps: Step[] = [];
    if (this.#text[0] === '@') this.#at = 1;
    else if (this.#text[0] === '$') {
      this.#at = 1;
      steps.push({ type: 'root' });
    }
    while (this.#at < this.#text.length) steps.push(...this.#step());
    return steps;
  }

  #step(): Step[] {
    if (this.#skip('..')) {
      // `...name` is the same, as upstream has it.
      this.#skip('.');
      const named = this.#at < this.#text.length && this.#text[this.#at] !== '[';
      return named ? [{ type: 'recurse' }, this.#field()] : [{ type: 'recurse' }];
    }
    if (this.#skip('.')) {
      // `.[0]` and a lone `.` are allowed: the dot then names the value itself.
      const next = this.#text[this.#at];
      return next === undefined || next === '[' ? [] : [this.#field()];
    }
    if (this.#skip('[?(')) return [this.#filter()];
    if (this.#skip('[')) return [this.#brackets()];
    if (this.#at === 0) return [this.#field()];
    throw this.#error(`unrecognized character "${this.#text[this.#at]}"`);
  }

  #field(): Step {
    let name = '';
    while (this.#at < this.#text.length) {
      const c = this.#text.charAt(this.#at);
      if ('.[ \t'.includes(c)) break;
      if (c === '\\') this.#at += 1;
      name += this.#text.charAt(this.#at);
      this.#at += 1;
    }
    if (name === '') throw this.#error('a field name is missing');
    return name === '*' ? { type: 'wildcard' } : { type: 'field', name };
  }

  #brackets(): Step {
    const inside = this.#until(']');
    const parts = splitOutsideQuotes(inside, ',').map((part) => this.#bracketPart(part.trim()));
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { type: 'union', branches: parts };
  }

  #bracketPart(part: string): Step {
    if (part === '*') return { type: 'wildcard' };
    const quoted = unquote(part);
    if (quoted !== undefined) {
      const dotted = quoted.includes('.') && !part.includes('\\.');
      return { type: 'field', name: quoted, ...(dotted ? { path: quoted.split('.') } : {}) };
    }
    if (/^-?[0-9]+$/.test(part)) return { type: 'index', index: Number(part) };
    const match = /^(-?[0-9]*):(-?[0-9]*)(?::([0-9]*))?$/.exec(part);
    if (match === null) throw this.#error(`invalid array index ${part}`);
    const [, start, end, step] = match.map((text) => (text ? Number(text) : undefined));
    if (step === 0) throw this.#error('step must be > 0');
    return { type: 'slice', start, end, step: step ?? 1 };
  }

  #filter(): Step {
    const inside = this.#until(')]');
    const at = operatorAt(inside);
    if (at === undefined) {
      const left = this.#operand(inside);
      return { type: 'filter', test: { left, operator: 'exists', right: left } };
    }
    const left = this.#operand(inside.slice(0, at.index));
    const right = this.#operand(inside.slice(at.index + at.operator.length));
    return { type: 'filter', test: { left, operator: at.operator, right } };
  }

  #operand(text: string): Operand {
    const trimmed = text.trim();
    const quoted = unquote(trimmed);
    if (quoted !== undefined) return { type: 'literal', value: quoted };
    if (/^[-+]?[0-9.]+$/.test(trimmed)) return { type: 'literal', value: Number(trimmed) };
    if (trimmed === 'true' || trimmed === 'false') {
      return { type: 'literal', value: trimmed === 'true' };
    }
    if (!/^[@$.[]/.test(trimmed)) throw this.#error(`invalid operand ${trimmed}`);
    return { type: 'path', steps: new PathParser(trimmed).parse() };
  }

  /** The text up to `closer`, quotes and nested brackets respected; moves behind it. */
  #until(closer: string): string {
    const start = this.#at;
    let quote = '';
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const c = this.#text.charAt(this.#at);
      if (quote !== '') {
        if (c === '\\') this.#at += 1;
        else if (c === quote) quote = '';
      } else if (c === '"' || c === "'") quote = c;
      else if (depth === 0 && this.#text.startsWith(closer, this.#at)) {
        const inside = this.#text.slice(start, this.#at);
        this.#at += closer.length;
        return inside;
      } else if (c === '[') depth += 1;
      else if (c === ']') depth -= 1;
    }
    throw this.#error(`unterminated ${closer === ']' ? 'array' : 'filter'}`);
  }

  #skip(prefix: string): boolean {
    if (!this.#text.startsWith(prefix, this.#at)) return false;
    this.#at += prefix.length;
    return true;
  }

  #error(why: string): JsonPathError {
    return new JsonPathError(`${why} in JSONPath "${this.#text}"`);
  }
}

const operators = ['==', '!=', '<=', '>=', '<', '>'] as const;

function operatorAt(text: string) {
  let quote = '';
  for (let index = 0; index < text.length; index += 1) {
    const c = text.charAt(index);
    if (quote !== '') {
      if (c === '\\') index += 1;
      else if (c === quote) quote = '';
      continue;
    }
    if (c === '"' || c === "'") quote = c;
    const operator = operators.find((each) => text.startsWith(each, index));
    if (operator !== undefined) return { index, operator };
  }
  return undefined;
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  return (
    text.match(new RegExp(`(?:'(?:\\\\.|[^'])*'|"(?:\\\\.|[^"])*"|[^${separator}])+`, 'g')) ?? ['']
  );
}

function unquote(text: string): string | undefined {
  const match = /^'((?:\\.|[^'\\])*)'$|^"((?:\\.|[^"\\])*)"$/s.exec(text);
  if (match === null) return undefined;
  return (match[1] ?? match[2] ?? '').replace(/\\(.)/gs, '$1');
}
