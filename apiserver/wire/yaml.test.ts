import { describe, expect, it } from 'vitest';
import { parseYaml } from './yaml.ts';

describe('parseYaml', () => {
  it.each([
    ['m: 0644', { m: 420 }],
    ['m: 0o644', { m: 420 }],
    ['on: 1', { true: 1 }],
    ['1: no', { '1': false }],
    ['t: 1:30', { t: '1:30' }],
    ['t: 2020-01-01T00:00:00Z', { t: '2020-01-01T00:00:00Z' }],
    ['i: 1_000', { i: 1000 }],
    ['i: 9007199254740993', { i: 9007199254740993n }],
    ['f: 1.0', { f: 1 }],
    ['v: "1.20"', { v: '1.20' }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
    [
      'b: &b {x: 1, y: 1}\nc: {<<: *b, y_: 2, x: 3}',
      { b: { x: 1, true: 1 }, c: { y_: 2, x: 3, true: 1 } },
    ],
    ['{"a": [true]}', { a: [true] }],
    ['', null],
    ['a: 1\n---\n', { a: 1 }],
  ])('reads %j', (text, value) => {
    expect(parseYaml(text).value).toEqual(value);
  });

  it('reports keys that stand twice', () => {
    const { value, duplicates } = parseYaml('spec: {size: 1, size: 2}\nl: [{x: 1, x: 2}]');
    expect(value).toEqual({ spec: { size: 2 }, l: [{ x: 2 }] });
    expect(duplicates).toEqual(['spec.size', 'l[0].x']);
  });

  it.each([
    ['a: [', /^yaml: line 1: /],
    ['a: 1\n---\nb: 1', /more than one document/],
    ['a: &x {b: *x}', /contains itself/],
    ['a: .inf', /unsupported value: \+Inf/],
    ['a: *nope', /nope/],
    ['__proto__: {}', /not allowed/],
    ['? [a]\n: 1', /unsupported map key/],
  ])('refuses %j', (text, message) => {
    expect(() => parseYaml(text)).toThrow(message);
  });

  it('refuses aliases that would grow without bound', () => {
    const level = (name: string, of: string) =>
      `${name}: &${name} [${Array(9).fill(of).join(',')}]\n`;
    const bomb =
      level('a', 'x') + level('b', '*a') + level('c', '*b') + level('d', '*c') + level('e', '*d');
    expect(() => parseYaml(bomb)).toThrow(/excessive aliasing/);
  });
});
