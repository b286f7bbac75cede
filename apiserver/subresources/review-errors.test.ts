import { expect, test } from 'vitest';
import { StatusError } from '../../api/status.ts';
import { checkAccessReview } from './review-errors.ts';

const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'n' };

/** The fields that are named; the message of a 400. */
function wrong(resource: string, body: object): unknown {
  try {
    checkAccessReview(resource, body as never, 'n');
    return [];
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return error.code === 422 ? error.details?.causes?.map(({ field }) => field) : error.message;
  }
}

test.each([
  [{ user: 'a', resourceAttributes }, []],
  [{ groups: ['g'], nonResourceAttributes: { path: '/' } }, []],
  [{ user: 'a' }, ['spec.resourceAttributes']],
  [{ resourceAttributes }, ['spec.user']],
  [{ user: 'a', resourceAttributes, nonResourceAttributes: {} }, ['spec.nonResourceAttributes']],
])('a SubjectAccessReview of %j', (spec, fields) => {
  expect(wrong('subjectaccessreviews', { metadata: {}, spec })).toEqual(fields);
});

test('one about oneself names no subject', () => {
  const spec = { resourceAttributes };
  expect(wrong('selfsubjectaccessreviews', { metadata: {}, spec })).toEqual([]);
  expect(wrong('selfsubjectaccessreviews', { metadata: { name: 'x' }, spec })).toEqual([
    'metadata',
  ]);
});

test('a local one is about its namespace', () => {
  const local = (spec: object, metadata: object = { namespace: 'n' }) =>
    wrong('localsubjectaccessreviews', { metadata, spec: { user: 'a', ...spec } });
  expect(local({ resourceAttributes })).toEqual([]);
  expect(local({ resourceAttributes }, { namespace: 'm' })).toMatch(/must match namespace: n/);
  const elsewhere = { ...resourceAttributes, namespace: 'm' };
  expect(local({ resourceAttributes: elsewhere })).toEqual(['spec.resourceAttributes.namespace']);
  expect(local({ nonResourceAttributes: {} })).toEqual(['spec.nonResourceAttributes']);
});
