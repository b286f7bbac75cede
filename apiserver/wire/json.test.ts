import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import { jsonPieces, maxJsonDepth, parseJson, stringifyJson, WireError } from './json.ts';

describe('parseJson', () => {
  it('reports keys that stand twice, each path once, and keeps the last value', () => {
    const { value, duplicates } = parseJson(
      '{"a":1,"l":[{"x":1,"x":2,"x":3}],"o":{"b":1,"b":2},"a":4}',
    );
    expect(value).toEqual({ a: 4, l: [{ x: 3 }], o: { b: 2 } });
    expect(duplicates).toEqual(['l[0].x', 'o.b', 'a']);
  });

  it.each([
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9223372036854775808', 2 ** 63],
    ['1.0', 1],
    ['9007199254740991', 9007199254740991],
    ['1e2', 100],
  ])('reads the number %s', (text, value) => {
    expect(parseJson(text).value).toBe(value);
  });

  it.each([
    ['', 'unexpected end of JSON input', 0],
    ['{"a":', 'unexpected end of JSON input', 5],
    ['[1,]', "invalid character ']' looking for beginning of value", 3],
    ['{"a" 1}', "invalid character '1' after object key", 5],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`, 7],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1],
    ['trux', "invalid character 'x' in literal true (expecting 'e')", 3],
    ['01', "invalid character '1' after top-level value", 1],
    ['"a\nb"', "invalid character '\\n' in string literal", 2],
    ['"\\x"', "invalid character 'x' in string escape code", 2],
    ['1e999', 'cannot unmarshal number 1e999: out of range', 0],
    ['{"__proto__":{}}', 'the field name "__proto__" is not allowed', 1],
    ['{"\\u005f_proto__":{}}', 'the field name "__proto__" is not allowed', 1],
  ])('refuses %j', (text, message, offset) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ message, offset }));
  });

  it('limits depth', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parseJson(nested(maxJsonDepth))).not.toThrow();
    expect(() => parseJson(nested(maxJsonDepth + 1))).toThrow(WireError);
  });

  it('replaces half of a surrogate pair and keeps whole ones', () => {
    expect(parseJson('["\\ud800","\\ud83d\\ude00"]').value).toEqual(['\ufffd', '😀']);
  });

  it('agrees with JSON.parse on everything that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        // Where the two differ on purpose.
        if (text.includes('__proto__') || /\d{16}/.test(text)) return;
        expect(parseJson(text).value).toEqual(JSON.parse(text));
        expect(parseJson(Buffer.from(` ${text}\n`)).duplicates).toEqual([]);
      }),
    );
  });
});

const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.string(),
    fc.integer(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
    ),
  ),
}));

describe('stringifyJson', () => {
  it('escapes what Go escapes, in keys too', () => {
    expect(stringifyJson({ '<k>': 'a&b\u2028\u007f' })).toBe(
      '{"\\u003ck\\u003e":"a\\u0026b\\u2028\u007f"}',
    );
  });

  it('writes bigint as an integer and leaves out what is undefined', () => {
    expect(stringifyJson({ n: 9007199254740993n, gone: undefined, l: [1n] })).toBe(
      '{"n":9007199254740993,"l":[1]}',
    );
  });

  it('sorts and indents on demand', () => {
    const value = { zeta: 1, '9': 6, '10': { b: [], a: {} } };
    expect(stringifyJson(value, { sortKeys: true })).toBe('{"10":{"a":{},"b":[]},"9":6,"zeta":1}');
    expect(stringifyJson({ a: [1] }, { indent: 2 })).toBe('{\n  "a": [\n    1\n  ]\n}');
  });

  it('is undone by parseJson', () => {
    fc.assert(
      fc.property(value, fc.boolean(), (original, sortKeys) => {
        expect(parseJson(stringifyJson(original, { sortKeys })).value).toEqual(original);
      }),
    );
  });
});

describe('jsonPieces', () => {
  const written = (original: JsonValue) => [...jsonPieces(original)];

  it('are the same text', () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(written(original).join('')).toBe(stringifyJson(original));
      }),
    );
    expect(written({ gone: undefined }).join('')).toBe('{}');
  });

  it('of a long list are many', () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) => ({ name: `n${i}` }));
    const pieces = written({ status: { nodes } });
    expect(pieces.join('')).toBe(stringifyJson({ status: { nodes } }));
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(5_000);
  });
});
