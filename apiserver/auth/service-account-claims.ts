/**
 * What stands in the token of a service account, and the user that it makes.
 * Source: kubernetes pkg/serviceaccount/claims.go, legacy.go and util.go.
 */
import { asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import type { UserInfo } from '../request/request.ts';
import { metaString } from '../storage/cached.ts';

/** An object by name and uid; a node that is gone has no uid. */
export interface Reference {
  readonly name: string;
  readonly uid?: string;
}

export interface AccountName {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Bound {
  readonly pod?: Reference;
  readonly secret?: Reference;
  readonly node?: Reference;
}

export interface TokenTerms extends Bound {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly id: string;
  readonly nowMs: number;
  readonly seconds: number;
}

/** What a token of this plane says, of either form. */
export interface AccountClaims extends Bound {
  readonly namespace: string;
  readonly account: Reference;
  /** Empty in those of Secrets, which have none. */
  readonly id: string;
}

/** Issuer of the tokens that stand in Secrets. */
export const legacyIssuer = 'kubernetes/serviceaccount';
const legacyPrefix = `${legacyIssuer}/`;
const extraPrefix = 'authentication.kubernetes.io/';

export function claimsFor(account: JsonObject, terms: TokenTerms): JsonObject {
  const { issuer, audiences, id, nowMs, seconds, pod, secret, node } = terms;
  const namespace = metaString(account, 'namespace');
  const issued = Math.floor(nowMs / 1_000);
  return {
    aud: [...audiences],
    exp: issued + seconds,
    iat: issued,
    iss: issuer,
    jti: id,
    'kubernetes.io': {
      namespace,
      ...(node === undefined ? {} : { node: { ...node } }),
      ...(pod === undefined ? {} : { pod: { ...pod } }),
      ...(secret === undefined ? {} : { secret: { ...secret } }),
      serviceaccount: { ...referenceTo(account) },
    },
    nbf: issued,
    sub: userName(namespace, metaString(account, 'name')),
  };
}

/** The token that a Secret of type `kubernetes.io/service-account-token` holds: it never ends. */
export function legacyClaims(
  { namespace, name, uid }: AccountName,
  secretName: string,
): JsonObject {
  return {
    iss: legacyIssuer,
    [`${legacyPrefix}namespace`]: namespace,
    [`${legacyPrefix}secret.name`]: secretName,
    [`${legacyPrefix}service-account.name`]: name,
    [`${legacyPrefix}service-account.uid`]: uid,
    sub: userName(namespace, name),
  };
}

/** `undefined` when the claims do not fit together. */
export function readClaims(claims: JsonObject): AccountClaims | undefined {
  const read = claims['iss'] === legacyIssuer ? readLegacy(claims) : readBound(claims);
  const { namespace, account } = read;
  if (namespace === '' || account.name === '' || (account.uid ?? '') === '') return undefined;
  return claims['sub'] === userName(namespace, account.name) ? read : undefined;
}

function readBound(claims: JsonObject): AccountClaims {
  const own = asObject(claims['kubernetes.io']) ?? {};
  const [pod, secret, node] = ['pod', 'secret', 'node'].map((field) => asObject(own[field]));
  return {
    namespace: asString(own['namespace']),
    account: reference(asObject(own['serviceaccount']) ?? {}),
    id: asString(claims['jti']),
    ...(pod === undefined ? {} : { pod: reference(pod) }),
    ...(secret === undefined ? {} : { secret: reference(secret) }),
    ...(node === undefined ? {} : { node: reference(node) }),
  };
}

function readLegacy(claims: JsonObject): AccountClaims {
  const text = (field: string) => asString(claims[`${legacyPrefix}${field}`]);
  return {
    namespace: text('namespace'),
    account: { name: text('service-account.name'), uid: text('service-account.uid') },
    id: '',
    secret: { name: text('secret.name') },
  };
}

export function accountUser({ namespace, account, id, pod, node }: AccountClaims): UserInfo {
  const extra: Record<string, string[]> = {};
  const add = (key: string, value: string | undefined) => {
    if (value !== undefined && value !== '') extra[`${extraPrefix}${key}`] = [value];
  };
  add('credential-id', id === '' ? undefined : `JTI=${id}`);
  add('node-name', node?.name);
  add('node-uid', node?.uid);
  add('pod-name', pod?.name);
  add('pod-uid', pod?.uid);
  return {
    name: userName(namespace, account.name),
    uid: account.uid ?? '',
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

export function referenceTo(object: JsonObject): Reference {
  return { name: metaString(object, 'name'), uid: metaString(object, 'uid') };
}

function reference(object: JsonObject): Reference {
  const uid = asString(at(object, 'uid'));
  return { name: asString(at(object, 'name')), ...(uid === '' ? {} : { uid }) };
}

function userName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
