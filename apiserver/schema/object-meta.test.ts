import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './index.ts';

const fieldsOf = (meta: JsonObject, builtin = false) =>
  validateObjectMeta({ name: 'n', namespace: 'ns', ...meta }, { namespaced: true, builtin }).map(
    ({ field, type }) => `${field} ${type.replace('FieldValue', '')}`,
  );

describe('validateObjectMeta', () => {
  it.each<readonly [JsonObject, readonly string[]]>([
    [{}, []],
    [{ name: '' }, ['metadata.name Required']],
    [{ name: 'Bad_Name' }, ['metadata.name Invalid']],
    [{ generateName: 'ok-' }, []],
    [{ generateName: 'Bad_' }, ['metadata.generateName Invalid']],
    [{ namespace: '' }, ['metadata.namespace Required']],
    [{ labels: { 'a b': 'x y' } }, ['metadata.labels Invalid', 'metadata.labels Invalid']],
    [{ annotations: { 'UPPER/is-fine': 'any text' } }, []],
    [{ annotations: { a: 'x'.repeat(256 * 1024) } }, ['metadata.annotations TooLong']],
    [{ annotations: { a: 'x'.repeat(256 * 1024 - 1) } }, []],
    [{ finalizers: ['a b'] }, ['metadata.finalizers Invalid']],
    [{ finalizers: ['orphan', 'foregroundDeletion'] }, ['metadata.finalizers Invalid']],
    [
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'n', uid: '' }] },
      ['metadata.ownerReferences.uid Invalid', 'metadata.ownerReferences Invalid'],
    ],
  ])('judges %j', (meta, errors) => {
    expect(fieldsOf(meta)).toEqual(errors);
  });

  it('wants qualified finalizers of built-in kinds only', () => {
    expect(fieldsOf({ finalizers: ['mine'] })).toEqual([]);
    expect(fieldsOf({ finalizers: ['mine'] }, true)).toEqual(['metadata.finalizers[0] Invalid']);
    expect(fieldsOf({ finalizers: ['kubernetes', 'a.b/c'] }, true)).toEqual([]);
  });

  it('refuses two controllers', () => {
    const owner = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      name,
      uid: name,
      controller: true,
    });
    const [error] = validateObjectMeta(
      { name: 'n', ownerReferences: [owner('a'), owner('b')] },
      { namespaced: false },
    );
    expect(error?.message).toContain(
      'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b',
    );
  });
});

describe('validateObjectMetaUpdate', () => {
  const old: JsonObject = { name: 'n', uid: 'u', resourceVersion: '1', finalizers: ['a.b/c'] };

  it('keeps what may not change', () => {
    expect(validateObjectMetaUpdate({ ...old, uid: 'v' }, old)).toEqual([
      {
        field: 'metadata.uid',
        type: 'FieldValueInvalid',
        message: 'Invalid value: "v": field is immutable',
      },
    ]);
    expect(validateObjectMetaUpdate(old, old)).toEqual([]);
  });

  it('lets no finalizer in while the object is being deleted', () => {
    const dying = { ...old, deletionTimestamp: '2026-01-01T00:00:00Z' };
    const [error] = validateObjectMetaUpdate({ ...dying, finalizers: ['a.b/c', 'd.e/f'] }, dying);
    expect(error?.message).toBe(
      'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"d.e/f"}',
    );
    expect(validateObjectMetaUpdate({ ...dying, finalizers: [] }, dying)).toEqual([]);
  });
});
