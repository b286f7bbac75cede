import { describe, expect, it } from 'vitest';
import { compileJsonPath, JsonPathError, parseSimplePath } from './jsonpath.ts';

const object = {
  metadata: { annotations: { 'example.com/a': 'x' } },
  spec: { replicas: 3, zero: null, big: 2n ** 60n, on: true, nested: { 'a.b': 1, a: { c: 2 } } },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', n: 1 },
      { type: 'Bound', status: 'False', n: 5 },
      { type: 'Other', n: 9 },
    ],
  },
};

describe('compileJsonPath', () => {
  it.each<[string, unknown[]]>([
    ['.spec.replicas', [3]],
    ['spec.replicas', [3]],
    ['$.spec.replicas', [3]],
    [' .spec.replicas ', [3]],
    ['.spec.missing.deeper', []],
    ['.spec.zero', [null]],
    ['.spec.big', [2n ** 60n]],
    ['.spec.toString', []],
    [`.metadata.annotations['example.com/a']`, ['x']],
    [`.metadata.annotations['example\\.com/a']`, ['x']],
    ['.metadata.annotations.example\\.com/a', ['x']],
    [`.spec.nested['a.b']`, [1]],
    [`.spec.nested['a.c']`, [2]],
    ['.status.conditions[0].type', ['Ready']],
    ['.status.conditions[-1].type', ['Other']],
    ['.status.conditions[7].type', []],
    ['.status.conditions[*].type', ['Ready', 'Bound', 'Other']],
    ['.status.conditions[0:2].type', ['Ready', 'Bound']],
    ['.status.conditions[::2].type', ['Ready', 'Other']],
    ['.status.conditions[-2:].type', ['Bound', 'Other']],
    ['.status.conditions[0,2].type', ['Ready', 'Other']],
    [`.status.conditions[0]['type','status']`, ['Ready', 'True']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [`.status.conditions[?(@.type == 'Bound')].status`, ['False']],
    ['.status.conditions[?(@.type!="Ready")].type', ['Bound', 'Other']],
    ['.status.conditions[?(@.n>=5)].type', ['Bound', 'Other']],
    ['.status.conditions[?(@.status)].type', ['Ready', 'Bound']],
    ['..status', [object.status, 'True', 'False']],
    ['...status', [object.status, 'True', 'False']],
    ['.spec.nested.*', [1, { c: 2 }]],
  ])('%s', (path, expected) => {
    expect(compileJsonPath(path)(object)).toEqual(expected);
  });

  it('finds nothing in nothing', () => {
    expect(compileJsonPath('.a')(undefined)).toEqual([]);
  });

  it.each(['.a[', '.a[x]', '.a[1:2:0]', '.a[?(@.b)', '.a.b[?(hello)]', '.a b'])(
    'refuses %j',
    (path) => {
      expect(() => compileJsonPath(path)).toThrow(JsonPathError);
    },
  );
});

describe('parseSimplePath', () => {
  it('knows paths of fields only', () => {
    expect(parseSimplePath('.spec.replicas')).toEqual(['spec', 'replicas']);
    expect(parseSimplePath('.spec[0]')).toBeUndefined();
    expect(parseSimplePath('')).toBeUndefined();
    expect(parseSimplePath('.a[')).toBeUndefined();
  });
});
