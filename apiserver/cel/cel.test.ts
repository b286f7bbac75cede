import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { BudgetError, CelError, compile, escapeName, schemaType, schemaValue } from './index.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    n: { type: 'integer' },
    ratio: { type: 'number' },
    name: { type: 'string', maxLength: 10 },
    when: { type: 'string', format: 'date-time' },
    port: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    plain: { type: 'array', items: { type: 'integer' } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    inner: { type: 'object', properties: { 'a-b': { type: 'string' }, namespace: {} } },
  },
};
const self: JsonValue = {
  n: 9_223_372_036_854_775_807n,
  ratio: 0.5,
  name: 'web',
  when: '2026-01-31T10:00:00Z',
  port: '80%',
  tags: ['a', 'b'],
  plain: [3, 1, 2],
  labels: { app: 'x' },
  inner: { 'a-b': 'dash' },
};

function evaluate(source: string, limit = 1_000_000) {
  const type = schemaType(schema);
  if (type === undefined) throw new Error('the schema has no type');
  const compiled = compile(source, new Map([['self', type]]));
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.program.evaluate({ self: schemaValue(self, schema) }, limit);
}

function mistake(source: string): string {
  const compiled = compile(source, new Map([['self', schemaType(schema) ?? { kind: 'dyn' }]]));
  return compiled.ok ? '' : compiled.error;
}

describe('expressions that hold', () => {
  test.each([
    'self.n == 9223372036854775807',
    'self.ratio < 1 && 1u < 2 && dyn(1.0) == 1',
    "self.name.startsWith('w') && self.name.upperAscii() == 'WEB'",
    "self.when > timestamp('2026-01-01T00:00:00Z') && self.when.getMonth() == 0",
    "'%.2e'.format([1052.03]) == '1.05\u202f×\u202f10⁰³' && '%.1e'.format([0.05]) == '5.0\u202f×\u202f10⁻⁰²'",
    "string(timestamp('2026-01-31T09:00:00.5+01:30')) == '2026-01-31T09:00:00.5+01:30'",
    "timestamp('2026-01-31T09:00:00+01:00') == timestamp('2026-01-31T08:00:00Z')",
    "url('https://a.example/b?k=c#d').getQuery() == {'k': ['c']}",
    "url('https://a.example/b#d').getEscapedPath() == '/b'",
    "self.when - duration('1h') == timestamp('2026-01-31T09:00:00Z')",
    "self.when.getHours('Asia/Tokyo') == 19 && self.when.getHours('-03:30') == 6",
    "type(self.port) == int ? self.port < 100 : self.port.endsWith('%')",
    "self.tags == ['b', 'a'] && self.plain != [1, 2, 3]",
    "self.tags + ['b', 'c'] == ['a', 'b', 'c']",
    'self.plain.all(x, x > 0) && self.plain.exists_one(x, x == 3) && !self.plain.exists(x, x > 3)',
    'self.plain.map(x, x * 2).filter(x, x > 2) == [6, 4]',
    'self.plain.all(i, x, i < 3 && x > 0) && self.plain.transformList(i, x, i + x) == [3, 2, 4]',
    "self.labels.transformMap(k, v, k + v) == {'app': 'appx'}",
    'self.plain.sum() == 6 && self.plain.max() == 3 && !self.plain.isSorted()',
    "has(self.labels.app) && !has(self.labels.other) && 'app' in self.labels",
    "self.inner.a__dash__b == 'dash'",
    "self.labels[?'app'].orValue('none') == 'x' && self.?labels.other.orValue('none') == 'none'",
    'optional.of(1).optMap(x, x + 1).value() == 2 && cel.bind(a, 2, a * a) == 4',
    'false && 1 / 0 == 1 || true',
    '[1, 2].exists(x, x / 0 == 1 || true)',
    "'%s is %d (%.2f) %x'.format(['a', 1, 2.0, 255]) == 'a is 1 (2.00) ff'",
    "'a,b,c'.split(',', 2) == ['a', 'b,c'] && ['a', 'b'].join('-') == 'a-b'",
    "'tacocat'.replace('c', 'k', 1) == 'takocat' && 'ünï'.charAt(0) == 'ü'",
    "'abc 123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
    "url('https://a.example:8443/x?y=1').getPort() == '8443' && !isURL('../x')",
    "quantity('1500m').isGreaterThan(quantity('1')) && quantity('2Gi').compareTo(quantity('1Gi')) == 1",
    "ip('::1').isLoopback() && ip.isCanonical('127.0.0.1') && !isIP('1.2.3')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && !isSemver('v1')",
    'sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 1], [1])',
    "format.dns1123Label().validate('UPPER').hasValue()",
    "b'abc' == bytes('abc') && string(b'abc') == 'abc'",
    'dyn([1]) == dyn([1.0]) && type(1) == int && type(null) == null_type',
  ])('%s', (source) => {
    expect(evaluate(source).value).toBe(true);
  });
});

describe('expressions that are refused', () => {
  test.each([
    ['self.missing == 1', "ERROR: <input>:1:5: undefined field 'missing'"],
    ["self.n == 'x'", "found no matching overload for '_==_' applied to '(int, string)'"],
    ['self.name.startsWith(1)', "no matching overload for 'startsWith' applied to 'string.(int)'"],
    ['unknown == 1', "undeclared reference to 'unknown' (in container '')"],
    ['self.tags.all(x, y, z, true)', "undeclared reference to 'all'"],
    ['1 +', 'Syntax error'],
    ["[1, 'a'].size() == 2", "expected type 'int' but found 'string'"],
    ["timestamp('yesterday') == self.when", 'invalid timestamp argument'],
    ["self.name.matches('(')", 'invalid matches argument'],
    ["self.?name == 'x'", "applied to '(optional_type(string), string)'"],
  ])('%s', (source, words) => {
    expect(mistake(source)).toContain(words);
  });

  test('with the place marked', () => {
    expect(mistake('self.n == 1 &&\n  self.nope')).toBe(
      "ERROR: <input>:2:7: undefined field 'nope'\n |   self.nope\n | ......^",
    );
  });

  test('when they are too deep for the stack', () => {
    expect(mistake(`${'('.repeat(5_000)}1${')'.repeat(5_000)}`)).toContain('recursion');
    expect(mistake(`1${' + 1'.repeat(5_000)}`)).toContain('recursion');
    expect(mistake(`1${' + 1'.repeat(250)}`)).toContain('recursion');
    expect(mistake(`1${' + 1'.repeat(249)}`)).toBe('');
    expect(evaluate(`true${' && true'.repeat(5_000)}`).value).toBe(true);
  });
});

describe('evaluation', () => {
  test.each([
    ['self.n + 1 == 0', 'integer overflow'],
    ['1 / (self.plain.size() - 3) == 0', 'division by zero'],
    ["self.labels['other'] == 'x'", 'no such key: other'],
    ['self.plain[3] == 1', 'index out of bounds: 3'],
    ['[1].all(x, x / 0 == 1)', 'division by zero'],
  ])('%s fails', (source, words) => {
    expect(() => evaluate(source)).toThrow(new CelError(words));
  });

  test.each([
    ['self.n == 1', 3],
    ['self.name == self.name', 5],
    ["self.tags == ['a']", 3],
    ['self.plain.all(x, x > 0)', 2 + 3 * 5 + 1],
    ['self.plain.map(x, x).size() == 3', 2 + 3 * 13 + 1 + 2],
    ["self.name.matches('^[a-z]+$')", 4],
  ])('%s costs %i', (source, cost) => {
    expect(evaluate(source).cost).toBe(cost);
  });

  test('makes no text that would fill the memory', () => {
    const long = 'a'.repeat(20_000);
    expect(() => evaluate(`'${long}'.replace('', '${long}').size() > 0`)).toThrow('too long');
    expect(() => evaluate(`'${long}'.split('').join('${long}').size() > 0`)).toThrow('too long');
  });

  test('stops when it costs more than it may, whatever stands around it', () => {
    const nested = 'self.plain.all(a, self.plain.all(b, self.plain.all(c, a + b + c > 0)))';
    expect(() => evaluate(`${nested} || true`, 50)).toThrow(BudgetError);
    expect(evaluate(nested).value).toBe(true);
  });
});

test('names are escaped as upstream escapes them', () => {
  expect(escapeName('a-b/c.d')).toBe('a__dash__b__slash__c__dot__d');
  expect(escapeName('__x')).toBe('__underscores__x');
  expect(escapeName('in')).toBe('__in__');
  expect(escapeName('a b')).toBeUndefined();
});

test('whatever a client writes is an answer or an error of the language', () => {
  const words = [
    'self.n',
    'self.plain',
    'self.labels',
    'x',
    '1',
    '1u',
    '-1.5',
    "'a'",
    "b'a'",
    'null',
    'true',
    '+',
    '-',
    '/',
    '%',
    '==',
    '<',
    '&&',
    '||',
    '!',
    '?',
    ':',
    '.',
    ',',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '.all(x, ',
    '.map(x, ',
    '.size()',
    '.?n',
    '[?0]',
    'dyn(',
    'optional.of(',
    '.orValue(',
    'in',
  ];
  const texts = fc
    .array(fc.constantFrom(...words), { maxLength: 12 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(texts, (text) => {
      if (mistake(text) !== '') return;
      try {
        evaluate(text, 10_000);
      } catch (error) {
        expect(error instanceof CelError || error instanceof BudgetError).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});
