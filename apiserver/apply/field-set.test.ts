import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  difference,
  emptySet,
  equalSets,
  type FieldSet,
  fromFieldsV1,
  hasPath,
  intersection,
  isEmpty,
  paths,
  recursiveDifference,
  setOf,
  toFieldsV1,
  union,
} from './field-set.ts';
import { formatPath, parsePathElement } from './path-element.ts';

const step = fc.constantFrom(
  'f:a',
  'f:b',
  'f:constructor',
  'k:{"name":"x"}',
  'k:{"name":"x","port":80}',
  'v:"a"',
  'v:1',
  'i:0',
);
const path = fc.array(step, { minLength: 1, maxLength: 4 });
const set = fc.array(path, { maxLength: 8 }).map((all): FieldSet => setOf(...all));

const key = (p: readonly string[]) => p.join('\0');
const members = (s: FieldSet) => new Set(paths(s).map(key));

describe('written form', () => {
  it('marks members that have members below', () => {
    const fields = { 'f:a': { '.': {}, 'f:b': {} }, 'f:c': { 'f:d': {} }, 'f:e': {} };
    const read = fromFieldsV1(fields);
    expect(paths(read)).toEqual([['f:a'], ['f:e'], ['f:a', 'f:b'], ['f:c', 'f:d']]);
    expect(toFieldsV1(read)).toEqual(fields);
  });

  it('orders fields, keys, values and places', () => {
    const fields = { 'i:10': {}, 'i:9': {}, 'v:"b"': {}, 'v:2': {}, 'k:{"b":1}': {}, 'f:z': {} };
    const order = Object.keys(toFieldsV1(fromFieldsV1({ ...fields, 'k:{"a":9}': {} })));
    expect(order).toEqual(['f:z', 'k:{"a":9}', 'k:{"b":1}', 'v:2', 'v:"b"', 'i:9', 'i:10']);
  });

  it('does not care in which order the keys of an item stand', () => {
    expect(parsePathElement('k:{"port":80,"name":"x"}')).toBe('k:{"name":"x","port":80}');
  });

  it('keeps keys exact that a double cannot hold', () => {
    expect(parsePathElement('v:9007199254740993')).toBe('v:9007199254740993');
  });

  it('passes over sorts of steps it does not know, and refuses malformed ones', () => {
    expect(paths(fromFieldsV1({ 'x:new': {}, 'f:a': {} }))).toEqual([['f:a']]);
    expect(() => fromFieldsV1({ 'k:{invalid json}': {} })).toThrow();
    expect(() => fromFieldsV1({ 'f:a': 'text' })).toThrow();
  });

  it('survives a round trip', () => {
    fc.assert(fc.property(set, (s) => equalSets(fromFieldsV1(toFieldsV1(s)), s)));
  });
});

describe('algebra', () => {
  const check = (
    combine: (a: FieldSet, b: FieldSet) => FieldSet,
    keep: (inA: boolean, inB: boolean) => boolean,
  ) =>
    fc.assert(
      fc.property(set, set, (a, b) => {
        const [left, right] = [members(a), members(b)];
        const wanted = [...new Set([...left, ...right])].filter((p) =>
          keep(left.has(p), right.has(p)),
        );
        expect(members(combine(a, b))).toEqual(new Set(wanted));
      }),
    );

  it('union has the members of either', () => check(union, (a, b) => a || b));
  it('intersection has the members of both', () => check(intersection, (a, b) => a && b));
  it('difference has the members of the first only', () => check(difference, (a, b) => a && !b));

  it('recursive difference takes along what is below', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const gone = paths(b).map((p) => `${key(p)}\0`);
        const wanted = [...members(a)].filter((p) => !gone.some((g) => `${p}\0`.startsWith(g)));
        expect(members(recursiveDifference(a, b))).toEqual(new Set(wanted));
      }),
    );
  });

  it('hasPath agrees with paths', () => {
    fc.assert(fc.property(set, path, (s, p) => hasPath(s, p) === members(s).has(key(p))));
  });

  it('nothing minus anything is empty', () => {
    fc.assert(fc.property(set, (s) => isEmpty(difference(emptySet, s))));
    fc.assert(fc.property(set, (s) => isEmpty(difference(s, s))));
  });
});

it('names paths as messages do', () => {
  const steps = ['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'];
  expect(formatPath(steps)).toBe('.spec.ports[port=80,protocol="TCP"].name');
  expect(formatPath(['f:tags', 'v:"a"'])).toBe('.tags[="a"]');
});
