import { expect, test } from 'vitest';
import type { FieldError } from '../../api/status.ts';
import { inPlainWords, quantityRemedy } from './plain-words.ts';

function error(field: string, message: string): FieldError {
  return { field, type: 'FieldValueInvalid', message };
}

test('a quantity that fails its pattern and its format is one error with a remedy', () => {
  const pattern = '^[+-]?([0-9]+(.[0-9]*)?|.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$';
  const errors = inPlainWords([
    error('spec.m', `Invalid value: "lots": spec.m in body should match '${pattern}'`),
    error('spec.m', 'Invalid value: "lots": spec.m in body must be of type quantity: "lots"'),
  ]);
  expect(errors).toEqual([error('spec.m', `Invalid value: "lots": ${quantityRemedy}`)]);
});

test('a bad label says what a label looks like', () => {
  const message = `Invalid value: "Bad_": spec.n in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'`;
  expect(inPlainWords([error('spec.n', message)])[0]?.message).toMatch(
    /^Invalid value: "Bad_": a lowercase RFC 1123 label must consist of/,
  );
});

test('what may not be empty is required', () => {
  const message = 'Invalid value: 0: spec.containers in body should have at least 1 items';
  expect(inPlainWords([error('spec.containers', message)])).toEqual([
    {
      field: 'spec.containers',
      type: 'FieldValueRequired',
      message: 'Required value: may not be empty',
    },
  ]);
});

test('a doubled key is named by its own path', () => {
  const [found] = inPlainWords([
    { field: 'spec.c[1]', type: 'FieldValueDuplicate', message: 'Duplicate value: {"name":"a"}' },
  ]);
  expect(found).toEqual({
    field: 'spec.c[1].name',
    type: 'FieldValueDuplicate',
    message: 'Duplicate value: "a"',
  });
});

test('other patterns keep their words', () => {
  const other = error('a', `Invalid value: "x": a in body should match '^y$'`);
  expect(inPlainWords([other])).toEqual([other]);
});
