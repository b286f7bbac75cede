import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { applyJsonPatch, applyMergePatch, applyStrategicPatch } from './index.ts';

const fields = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', 'd'),
  fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
) as fc.Arbitrary<JsonObject>;

describe('applyMergePatch', () => {
  it('merges objects, replaces lists and removes what is null', () => {
    const current = { a: { x: 1, y: 2 }, l: [1], gone: true };
    const patch = { a: { y: null, z: { n: null, k: 1 } }, l: [2, null], gone: null };
    expect(applyMergePatch(current, patch)).toEqual({ a: { x: 1, z: { k: 1 } }, l: [2, null] });
  });

  it('changes nothing that it was given and shares nothing with it', () => {
    fc.assert(
      fc.property(fields, fields, (current, patch) => {
        const before = JSON.stringify([current, patch]);
        const result = applyMergePatch(current, patch);
        expect(JSON.stringify([current, patch])).toBe(before);
        for (const value of Object.values(result)) {
          if (typeof value !== 'object' || value === null) continue;
          expect(Object.values(current)).not.toContain(value);
          expect(Object.values(patch)).not.toContain(value);
        }
      }),
    );
  });

  it('is the same when done twice, and {} does nothing', () => {
    fc.assert(
      fc.property(fields, fields, (current, patch) => {
        const once = applyMergePatch(current, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
        expect(applyMergePatch(current, {})).toEqual(current);
      }),
    );
  });

  it('refuses what is no object', () => {
    expect(() => applyMergePatch({}, [1])).toThrow(
      expect.objectContaining({
        code: 400,
        message:
          'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
      }),
    );
  });
});

describe('applyJsonPatch', () => {
  const current: JsonObject = { spec: { tags: ['a'], size: 1, 'a/b~c': 0 } };

  it('carries out each operation', () => {
    const patch = [
      { op: 'test', path: '/spec/size', value: 1 },
      { op: 'add', path: '/spec/tags/-', value: 'c' },
      { op: 'add', path: '/spec/tags/1', value: 'b' },
      { op: 'replace', path: '/spec/size', value: 2 },
      { op: 'copy', from: '/spec/tags', path: '/spec/more' },
      { op: 'remove', path: '/spec/more/0' },
      { op: 'move', from: '/spec/a~1b~0c', path: '/spec/moved' },
    ];
    expect(applyJsonPatch(current, patch)).toEqual({
      spec: { tags: ['a', 'b', 'c'], size: 2, more: ['b', 'c'], moved: 0 },
    });
    expect(current).toEqual({ spec: { tags: ['a'], size: 1, 'a/b~c': 0 } });
  });

  it.each<readonly [string, JsonValue, number]>([
    ['a failing test', [{ op: 'test', path: '/spec/size', value: 9 }], 422],
    ['a missing parent', [{ op: 'add', path: '/nope/x', value: 1 }], 422],
    ['a missing target', [{ op: 'remove', path: '/spec/nope' }], 422],
    ['an inherited field', [{ op: 'remove', path: '/constructor' }], 422],
    ['a prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }], 422],
    ['an index beyond the end', [{ op: 'add', path: '/spec/tags/5', value: 1 }], 422],
    ['an unknown operation', [{ op: 'frob', path: '/spec' }], 422],
    ['a move into itself', [{ op: 'move', from: '/spec', path: '/spec/x' }], 422],
    ['a result that is no object', [{ op: 'replace', path: '', value: 1 }], 422],
    ['an object in place of a list', { op: 'x' }, 400],
    ['a number for an operation', [1], 400],
    ['a path that is no text', [{ op: 'remove', path: 1 }], 400],
    ['too many', Array(10_001).fill({ op: 'test', path: '/spec/size', value: 1 }), 413],
  ])('refuses %s', (_, patch, code) => {
    expect(() => applyJsonPatch(current, patch)).toThrow(expect.objectContaining({ code }));
  });

  it('stops copies that double each other', () => {
    const doubling = Array(60).fill({ op: 'copy', from: '/a', path: '/a/-' });
    expect(() => applyJsonPatch({ a: ['xxxxxxxxxx'] }, doubling)).toThrow(
      expect.objectContaining({ code: 422 }),
    );
  });

  it('copies once: the two places do not change together', () => {
    const patch = [
      { op: 'add', path: '/a/l/-', value: 2 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/a/l/-', value: 3 },
    ];
    expect(applyJsonPatch({ a: { l: [1] } }, patch)).toEqual({
      a: { l: [1, 2, 3] },
      b: { l: [1, 2] },
    });
  });
});

describe('applyStrategicPatch', () => {
  const named: Schema = { type: 'object', properties: { name: { type: 'string' } } };
  const schema: Schema = {
    type: 'object',
    properties: {
      byName: {
        type: 'array',
        items: named,
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-patch-merge-key': 'name',
      },
      words: {
        type: 'array',
        items: { type: 'string' },
        'x-kubernetes-patch-strategy': 'merge',
      },
      plain: { type: 'array', items: { type: 'string' } },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      whole: { type: 'object', 'x-kubernetes-patch-strategy': 'replace' },
    },
  };
  const current = {
    byName: [{ name: 'a', v: 1 }, { name: 'b' }],
    words: ['x', 'y'],
    plain: ['p'],
    map: { k: '1', l: '2' },
    whole: { old: 1 },
  };
  const change = (patch: JsonObject) => applyStrategicPatch(current, patch, schema);

  it('merges lists by key, new ones first, and words without doubles', () => {
    const patched = change({ byName: [{ name: 'c' }, { name: 'a', v: 2 }], words: ['y', 'z'] });
    expect(patched['byName']).toEqual([{ name: 'c' }, { name: 'a', v: 2 }, { name: 'b' }]);
    expect(patched['words']).toEqual(['x', 'y', 'z']);
  });

  it('replaces what is not to be merged', () => {
    const patched = change({ plain: ['q'], whole: { fresh: 1 }, map: { k: null, m: '3' } });
    expect(patched).toMatchObject({ plain: ['q'], whole: { fresh: 1 }, map: { l: '2', m: '3' } });
    expect(patched['map']).not.toHaveProperty('k');
  });

  it('obeys the directives', () => {
    expect(change({ byName: [{ name: 'a', $patch: 'delete' }] })['byName']).toEqual([
      { name: 'b' },
    ]);
    expect(change({ byName: [{ $patch: 'replace' }, { name: 'z' }] })['byName']).toEqual([
      { name: 'z' },
    ]);
    expect(change({ map: { $patch: 'replace', z: '1' } })['map']).toEqual({ z: '1' });
    expect(change({ map: { $retainKeys: ['k'], k: '9' } })['map']).toEqual({ k: '9' });
    expect(change({ '$deleteFromPrimitiveList/words': ['x'] })['words']).toEqual(['y']);
    expect(change({ '$setElementOrder/words': ['y', 'x'] })['words']).toEqual(['y', 'x']);
    const ordered = change({
      '$setElementOrder/byName': [{ name: 'b' }, { name: 'n' }, { name: 'a' }],
      byName: [{ name: 'n' }],
    });
    expect(ordered['byName']).toEqual([{ name: 'b' }, { name: 'n' }, { name: 'a', v: 1 }]);
  });

  it('leaves no directive in what is new', () => {
    const patched = applyStrategicPatch(
      {},
      {
        byName: [
          { name: 'a', $patch: 'delete' },
          { name: 'b', n: null },
        ],
        map: { $patch: 'replace', z: '1' },
      },
      schema,
    );
    expect(patched).toEqual({ byName: [{ name: 'b' }], map: { z: '1' } });
  });

  it.each<readonly [JsonObject, number, string]>([
    [{ byName: [{ v: 1 }] }, 500, 'map: map[v:1] does not contain declared merge key: name'],
    [{ map: { $retainKeys: ['k'], z: '1' } }, 400, 'invalid patch format of retainKeys'],
    [
      { byName: 'x' },
      422,
      ' "" is invalid: patch: Invalid value: "map[byName:x]": cannot restore slice from string',
    ],
    [{ map: { $patch: 'frob' } }, 500, 'unknown patch type: frob in map: map[$patch:frob]'],
  ])('refuses %j', (patch, code, message) => {
    expect(() => change(patch)).toThrow(expect.objectContaining({ code, message }));
  });

  it('changes nothing that it was given', () => {
    const before = JSON.stringify(current);
    const patch = { byName: [{ name: 'a', v: 3 }], '$setElementOrder/byName': [{ name: 'a' }] };
    const patchBefore = JSON.stringify(patch);
    change(patch);
    expect([JSON.stringify(current), JSON.stringify(patch)]).toEqual([before, patchBefore]);
  });
});
