import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  audiencesOf,
  fromJwks,
  outOfTime,
  readJwt,
  signingKey,
  signJwt,
  toJwk,
  verifies,
  verifyingKey,
} from './jwt.ts';

const pem = (key: KeyObject, type: 'pkcs8' | 'spki') =>
  key.export({ type, format: 'pem' } as never).toString();

function pairOf(kind: 'rsa' | 'ec') {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    signing: signingKey(pem(privateKey, 'pkcs8')),
    verifying: verifyingKey(pem(publicKey, 'spki')),
  };
}

const [rsa, ec] = [pairOf('rsa'), pairOf('ec')];

describe.each([
  ['RS256', rsa],
  ['ES256', ec],
] as const)('%s', (algorithm, { signing, verifying }) => {
  const token = signJwt(signing, { sub: 'me' });

  test('what was signed verifies, with its key alone', () => {
    const jwt = readJwt(token)!;
    expect(jwt).toMatchObject({ algorithm, keyId: verifying.id, claims: { sub: 'me' } });
    expect(verifies(jwt, [pairOf('ec').verifying, verifying])).toBe(true);
    expect(verifies(jwt, [{ ...pairOf('ec').verifying, id: verifying.id }])).toBe(false);
    expect(verifies(jwt, [])).toBe(false);
  });

  test('a changed claim or signature does not', () => {
    const [head, , signature] = token.split('.');
    const other = Buffer.from('{"sub":"you"}').toString('base64url');
    expect(verifies(readJwt(`${head}.${other}.${signature}`)!, [verifying])).toBe(false);
    expect(verifies(readJwt(`${token.slice(0, -8)}AAAAAAAA`)!, [verifying])).toBe(false);
  });

  test('the key goes through JWKS and back', () => {
    const jwk = toJwk(verifying);
    expect(jwk).toMatchObject({ use: 'sig', alg: algorithm, kid: verifying.id });
    expect(jwk['d']).toBeUndefined();
    expect(verifies(readJwt(token)!, fromJwks({ keys: [{ kty: 'oct', k: 'AA' }, jwk] }))).toBe(
      true,
    );
  });
});

test('no algorithm of the token’s own choice is taken', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { id } = rsa.verifying;
  for (const alg of ['none', 'HS256', 'ES256', 'RS512'])
    expect(
      verifies(readJwt(`${part({ alg, kid: id })}.${part({ sub: 'me' })}.AAAA`)!, [rsa.verifying]),
    ).toBe(false);
});

test('what is no token is none', () => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const text of [
    '',
    'a.b',
    'a.b.c.d',
    `${part({ alg: 'RS256' })}..AA`,
    `${part([])}.${part({})}.AA`,
    `${part({ alg: 'RS256', crit: ['x'] })}.${part({})}.AA`,
    `a.b.${'c'.repeat(70_000)}`,
  ])
    expect(readJwt(text)).toBeUndefined();
});

test('times hold with a minute for clocks that differ', () => {
  const claims = { nbf: 1_000, exp: 2_000 };
  expect(outOfTime(claims, 1_500_000)).toBeUndefined();
  expect(outOfTime(claims, 2_060_000)).toBeUndefined();
  expect(outOfTime(claims, 2_060_001)).toBe('token has expired');
  expect(outOfTime(claims, 940_000)).toBeUndefined();
  expect(outOfTime(claims, 939_999)).toBe('token is not valid yet');
});

test('an audience is one or several', () => {
  expect(audiencesOf({ aud: 'a' })).toEqual(['a']);
  expect(audiencesOf({ aud: ['a', 'b', 1] })).toEqual(['a', 'b']);
  expect(audiencesOf({})).toEqual([]);
});

test('keys of other algorithms are refused', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  expect(() => signingKey(pem(privateKey, 'pkcs8'))).toThrow('must be RSA');
});
