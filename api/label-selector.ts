/**
 * Label selectors as text (`app=web,tier in (a,b),!old`) and as objects (`matchLabels`).
 * Source: Kubernetes apimachinery v0.32, `pkg/labels/selector.go`.
 */
import { validateLabelValue, validateQualifiedName } from './names.ts';
import { badRequest } from './status.ts';

/** `exists` and `!` take no values; `gt` and `lt` one integer; `=`, `==` and `!=` one value. */
export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without duplicates. */
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** All requirements must hold; without any, everything matches. */
export interface LabelSelector {
  readonly requirements: readonly LabelRequirement[];
  matches(labels: Labels | undefined): boolean;
  /** In upstream's canonical order: by key. */
  toString(): string;
}

/** The selector of the API's objects: `spec.selector` of a Workload and its like. */
export interface LabelSelectorObject {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Matches everything. */
export const everything: LabelSelector = selectorOf([]);

/** Matches nothing: what an absent selector object means. */
export const nothing: LabelSelector = {
  requirements: [],
  matches: () => false,
  toString: () => '',
};

/** Reads a selector as in `?labelSelector=`; throws a `StatusError` BadRequest in upstream's words. */
export function parseLabelSelector(text: string): LabelSelector {
  return selectorOf(new Parser(text).parse());
}

/** Turns a selector object into a selector; throws a `StatusError` BadRequest if it is malformed. */
export function fromLabelSelectorObject(selector: LabelSelectorObject | undefined): LabelSelector {
  if (selector === undefined) return nothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push(requirement(key, '=', [value]));
  }
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const known = objectOperators.get(operator);
    if (known === undefined) {
      throw badRequest(`"${operator}" is not a valid label selector operator`);
    }
    requirements.push(requirement(key, known, values));
  }
  return selectorOf(requirements);
}

const objectOperators = new Map<string, LabelOperator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

function selectorOf(requirements: readonly LabelRequirement[]): LabelSelector {
  const sorted = [...requirements].sort((a, b) => compareText(a.key, b.key));
  return {
    requirements: sorted,
    matches: (labels = {}) => sorted.every((each) => holds(each, labels)),
    toString: () => sorted.map(requirementText).join(','),
  };
}

/** Whether labels meet one requirement. */
export function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt':
      return compares(operator, value, values[0]);
  }
}

function compares(operator: 'gt' | 'lt', value: string | undefined, limit: string | undefined) {
  if (!isInteger(value) || !isInteger(limit)) return false;
  return operator === 'gt' ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit);
}

function isInteger(text: string | undefined): text is string {
  if (text === undefined || !/^[-+]?[0-9]{1,19}$/.test(text)) return false;
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

/** Checks a requirement as upstream's `NewRequirement`. */
function requirement(
  key: string,
  operator: LabelOperator,
  given: readonly string[],
): LabelRequirement {
  const values = [...new Set(given)].sort(compareText);
  const errors = [...keyErrors(key, 'key'), ...countErrors(operator, values)];
  values.forEach((value, index) => {
    const wrong = validateLabelValue(value);
    if (wrong.length > 0) errors.push(invalidValue(`values[${index}][${key}]`, value, wrong));
  });
  const [first] = errors;
  if (first !== undefined) {
    throw badRequest(errors.length === 1 ? first : `[${errors.join(', ')}]`);
  }
  return { key, operator, values };
}

function countErrors(operator: LabelOperator, values: readonly string[]): string[] {
  const list = `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  const wrong = (why: string) => [`values: Invalid value: ${list}: ${why}`];
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length > 0) return [];
      return wrong("for 'in', 'notin' operators, values set can't be empty");
    case '=':
    case '==':
    case '!=':
      if (values.length === 1) return [];
      return wrong('exact-match compatibility requires one single value');
    case 'exists':
    case '!':
      if (values.length === 0) return [];
      return wrong('values set must be empty for exists and does not exist');
    case 'gt':
    case 'lt': {
      if (values.length !== 1)
        return wrong("for 'Gt', 'Lt' operators, exactly one value is required");
      if (isInteger(values[0])) return [];
      const why = "for 'Gt', 'Lt' operators, the value must be an integer";
      return [`values[0]: Invalid value: ${JSON.stringify(values[0])}: ${why}`];
    }
  }
}

function keyErrors(key: string, field: string): string[] {
  const wrong = validateQualifiedName(key);
  return wrong.length === 0 ? [] : [invalidValue(field, key, wrong)];
}

function invalidValue(field: string, value: string, wrong: readonly string[]): string {
  return `${field}: Invalid value: ${JSON.stringify(value)}: ${wrong.join('; ')}`;
}

/** By UTF-16 units, as Go compares the ASCII that keys consist of. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

interface Token {
  readonly type: 'word' | 'symbol' | 'end';
  readonly text: string;
}

const end: Token = { type: 'end', text: '' };

function lex(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [, symbol, word] of text.matchAll(/(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+)/g)) {
    if (symbol !== undefined) tokens.push({ type: 'symbol', text: symbol });
    if (word !== undefined) tokens.push({ type: 'word', text: word });
  }
  return tokens;
}

const binaryOperators = new Map<string, LabelOperator>([
  ['in', 'in'],
  ['notin', 'notin'],
  ['=', '='],
  ['==', '=='],
  ['!=', '!='],
  ['>', 'gt'],
  ['<', 'lt'],
]);

/** Recursive descent; every message is upstream's. */
class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = lex(text);
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.type === 'end') return requirements;
      if (!startsRequirement(first)) {
        throw badRequest(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#parseRequirement());
      const next = this.#take();
      if (next.type === 'end') return requirements;
      if (!isSymbol(next, ',')) {
        throw badRequest(`found '${next.text}', expected: ',' or 'end of string'`);
      }
      const after = this.#peek();
      if (!startsRequirement(after)) {
        throw badRequest(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  #parseRequirement(): LabelRequirement {
    try {
      const { key, negated, alone } = this.#parseKey();
      if (negated) return requirement(key, '!', []);
      if (alone) return requirement(key, 'exists', []);
      const operator = this.#parseOperator();
      const listed = operator === 'in' || operator === 'notin';
      return requirement(key, operator, listed ? this.#parseValues() : [this.#parseExactValue()]);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw badRequest(`unable to parse requirement: ${why}`);
    }
  }

  #parseKey(): { key: string; negated: boolean; alone: boolean } {
    let token = this.#take();
    const bang = isSymbol(token, '!');
    if (bang) token = this.#take();
    if (token.type !== 'word') throw badRequest(`found '${token.text}', expected: identifier`);
    // Upstream has no path to name here, and prints that.
    const [wrong] = keyErrors(token.text, '<nil>');
    if (wrong !== undefined) throw badRequest(wrong);
    const next = this.#peek();
    const alone = next.type === 'end' || isSymbol(next, ',');
    return { key: token.text, negated: bang, alone };
  }

  #parseOperator(): LabelOperator {
    const token = this.#take();
    const operator = binaryOperators.get(token.text);
    if (operator === undefined) {
      throw badRequest(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    return operator;
  }

  #parseExactValue(): string {
    const next = this.#peek();
    if (next.type === 'end' || isSymbol(next, ',')) return '';
    this.#at += 1;
    if (next.type !== 'word') throw badRequest(`found '${next.text}', expected: identifier`);
    return next.text;
  }

  #parseValues(): string[] {
    const open = this.#take();
    if (!isSymbol(open, '(')) throw badRequest(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (isSymbol(first, ')')) {
      this.#at += 1;
      return [''];
    }
    if (first.type !== 'word' && !isSymbol(first, ',')) {
      throw badRequest(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#parseList();
    this.#at += 1; // The list ends before its closing parenthesis.
    return values;
  }

  /** Words between commas; nothing beside a comma is the empty value. */
  #parseList(): string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token.type === 'word') {
        values.push(token.text);
        const next = this.#peek();
        if (isSymbol(next, ')')) return values;
        if (!isSymbol(next, ',')) throw badRequest(`found '${next.text}', expected: ',' or ')'`);
      } else if (isSymbol(token, ',')) {
        const next = this.#peek();
        if (values.length === 0 || isSymbol(next, ',') || isSymbol(next, ')')) values.push('');
        if (isSymbol(next, ')')) return values;
        if (isSymbol(next, ',')) this.#at += 1;
      } else {
        throw badRequest(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? end;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }
}

function isSymbol(token: Token, text: string): boolean {
  return token.type === 'symbol' && token.text === text;
}

function startsRequirement(token: Token): boolean {
  return token.type === 'word' || isSymbol(token, '!');
}
