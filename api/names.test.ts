import { describe, expect, it } from 'vitest';
import {
  validateConfigMapKey,
  validateDns1035Label,
  validateDns1123Label,
  validateDns1123Subdomain,
  validateEnvVarName,
  validateLabelValue,
  validatePathSegment,
  validatePortName,
  validatePortNumber,
  validateQualifiedName,
} from './names.ts';

describe('validators', () => {
  it.each([
    [validateDns1123Label, ['a', 'a-1', '0'], ['', 'A', '-a', 'a-', 'a.b', 'a'.repeat(64)]],
    [
      validateDns1123Subdomain,
      ['a', 'a.b-c', '1.2'],
      ['', '.a', 'a..b', 'A', 'a_b', 'a'.repeat(254)],
    ],
    [validateDns1035Label, ['a', 'a-1'], ['1a', '', 'a.b']],
    [validateQualifiedName, ['a', 'A_b.c', 'x.io/y'], ['', '/a', 'x/', 'a/b/c', 'X.io/y', '-a']],
    [validateLabelValue, ['', 'a', 'A.b_c-1'], ['-', 'a b', 'é', 'a'.repeat(64)]],
    [validateEnvVarName, ['A', 'a.b', '1 x'], ['', 'a=b', 'é']],
    [validateConfigMapKey, ['a', '.env', 'A_b'], ['', '.', '..', '..a', 'a/b']],
    [validatePortName, ['http', 'a-1'], ['', '80', '-a', 'a--b', 'abcdefghijklmnop', 'A']],
    [validatePathSegment, ['a:b', ''], ['.', '..', 'a/b', 'a%b']],
  ])('%o', (validate, good, bad) => {
    for (const value of good) expect(validate(value), value).toEqual([]);
    for (const value of bad) expect(validate(value), value).not.toEqual([]);
  });

  it('speak as upstream does', () => {
    expect(validateDns1123Label('a.b')).toEqual(['must not contain dots']);
    expect(validateDns1123Subdomain('A')).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
    expect(validateDns1035Label('1')[0]).toContain("(e.g. 'my-name',  or 'abc-123', regex used");
    expect(validateQualifiedName('/a')).toEqual(['prefix part must be non-empty']);
    expect(validateDns1123Subdomain('a'.repeat(254))).toEqual([
      'must be no more than 253 characters',
    ]);
    expect(validatePortNumber(0)).toEqual(['must be between 1 and 65535, inclusive']);
    expect(validatePathSegment('a/b')).toEqual(["may not contain '/'"]);
  });
});
