import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeContinue, encodeContinue } from './continue-token.ts';

const prefix = 'core/pods/';

test('what is encoded comes back', () => {
  const key = fc.stringMatching(/^[a-z0-9]+\/[a-z0-9.-]{1,30}$/);
  fc.assert(
    fc.property(fc.bigInt(1n, 2n ** 53n - 1n), key, (revision, name) => {
      const token = encodeContinue(revision, prefix + name, prefix);
      expect(decodeContinue(token, prefix)).toEqual({ at: revision, after: prefix + name });
    }),
  );
});

test('-1 stands for the inconsistent rest of an expired list', () => {
  expect(decodeContinue(encodeContinue(-1n, `${prefix}a/b`, prefix), prefix).at).toBe(-1n);
});

const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each([
  ['no base64', '***'],
  ['no object', token(null)],
  ['another version', token({ v: 'v9', rv: 1, start: 'a' })],
  ['no revision', token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' })],
  ['a broken revision', token({ v: 'meta.k8s.io/v1', rv: 1.5, start: 'a' })],
  ['no start', token({ v: 'meta.k8s.io/v1', rv: 1, start: '' })],
  ['a way out of the folder', token({ v: 'meta.k8s.io/v1', rv: 1, start: '../secrets/x' })],
  ['a way out further on', token({ v: 'meta.k8s.io/v1', rv: 1, start: 'key/../..' })],
  ['a path that is not clean', token({ v: 'meta.k8s.io/v1', rv: 1, start: './key' })],
])('%s is refused', (_name, text) => {
  expect(() => decodeContinue(text, prefix)).toThrow(/continue key is not valid/);
});

test('a slash in front starts at the folder itself', () => {
  const text = token({ v: 'meta.k8s.io/v1', rv: 1, start: '/' });
  expect(decodeContinue(text, prefix)).toEqual({ at: 1n, after: prefix });
});
