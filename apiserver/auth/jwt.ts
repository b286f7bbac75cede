/**
 * JSON Web Tokens as far as identities need them: compact form, RS256 and ES256. Pure but for the
 * signature itself. Source: RFC 7515, RFC 7517, RFC 7638.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';

export type JwtAlgorithm = 'RS256' | 'ES256';

export interface VerifyingKey {
  /** Empty when the issuer names none: such a key is tried for every token. */
  readonly id: string;
  readonly algorithm: JwtAlgorithm;
  readonly key: KeyObject;
}

export interface SigningKey {
  readonly id: string;
  readonly algorithm: JwtAlgorithm;
  readonly key: KeyObject;
}

/** A token that has been taken apart; nothing in it is to be believed before `verifies`. */
export interface Jwt {
  readonly keyId: string;
  readonly algorithm: string;
  readonly claims: JsonObject;
  readonly signed: string;
  readonly signature: Buffer;
}

/** Longer ones are not looked at. */
const tokenMax = 65_536;
/** Clocks of other machines may differ by this much. Source: go-jose, DefaultLeeway. */
export const leewayMs = 60_000;

export function signJwt({ id, algorithm, key }: SigningKey, claims: JsonObject): string {
  const signed = `${encoded({ alg: algorithm, kid: id })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** `undefined` for what is no such token. */
export function readJwt(token: string): Jwt | undefined {
  if (token.length > tokenMax) return undefined;
  const parts = token.split('.');
  const [head = '', body = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
  const [header, claims] = [decoded(head), decoded(body)];
  // RFC 7515: who does not know a critical extension must refuse the token.
  if (header === undefined || claims === undefined || header['crit'] !== undefined)
    return undefined;
  return {
    keyId: asString(header['kid']),
    algorithm: asString(header['alg']),
    claims,
    signed: `${head}.${body}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** Whether one of these keys has signed it, by the algorithm that the key is for. */
export function verifies(jwt: Jwt, keys: readonly VerifyingKey[]): boolean {
  const named = keys.filter(({ id }) => id === '' || jwt.keyId === '' || id === jwt.keyId);
  return named.some(
    ({ algorithm, key }) =>
      algorithm === jwt.algorithm &&
      verify('sha256', Buffer.from(jwt.signed), { key, dsaEncoding: 'ieee-p1363' }, jwt.signature),
  );
}

/** Why the token does not hold now; `undefined` when it does. */
export function outOfTime(claims: JsonObject, nowMs: number): string | undefined {
  const [from, until] = [secondsOf(claims['nbf']), secondsOf(claims['exp'])];
  if (until !== undefined && nowMs - leewayMs > until * 1_000) return 'token has expired';
  if (from !== undefined && nowMs + leewayMs < from * 1_000) return 'token is not valid yet';
  return undefined;
}

/** `aud` is one text or a list of them. */
export function audiencesOf(claims: JsonObject): readonly string[] {
  const { aud } = claims;
  return (Array.isArray(aud) ? aud : [aud]).map(asString).filter((each) => each !== '');
}

export function secondsOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** PEM, PKCS #1, PKCS #8 or SEC 1. Throws for keys of other algorithms. */
export function signingKey(pem: string): SigningKey {
  const key = createPrivateKey(pem);
  return { id: keyId(createPublicKey(key)), algorithm: algorithmOf(key), key };
}

/** PEM of a public key or a certificate. Throws for keys of other algorithms. */
export function verifyingKey(pem: string): VerifyingKey {
  const key = createPublicKey(pem);
  return { id: keyId(key), algorithm: algorithmOf(key), key };
}

/** As upstream names its keys: from the hash of the public key. */
function keyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64url');
}

function algorithmOf(key: KeyObject): JwtAlgorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw new Error('keys for tokens must be RSA, or ECDSA on the curve P-256');
}

/** For `/openid/v1/jwks`. */
export function toJwk({ id, algorithm, key }: VerifyingKey): JsonObject {
  // An exported key is plain JSON.
  const jwk = key.export({ format: 'jwk' }) as JsonObject;
  return { use: 'sig', kty: jwk['kty'] ?? '', kid: id, alg: algorithm, ...jwk };
}

/** The keys of a JWKS document that can be used here; others are left out. */
export function fromJwks(document: JsonValue | undefined): readonly VerifyingKey[] {
  const keys = asObject(document)?.['keys'];
  return (Array.isArray(keys) ? keys : []).flatMap((value) => {
    const jwk = asObject(value);
    if (jwk === undefined || (jwk['use'] !== undefined && jwk['use'] !== 'sig')) return [];
    try {
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      const algorithm = algorithmOf(key);
      const named = asString(jwk['alg']);
      if (named !== '' && named !== algorithm) return [];
      return [{ id: asString(jwk['kid']), algorithm, key }];
    } catch {
      return []; // A key of a kind that is not known here.
    }
  });
}

function encoded(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decoded(part: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}
