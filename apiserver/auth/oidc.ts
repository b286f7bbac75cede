/**
 * Users of an OpenID Connect issuer, by the ID token they bring.
 * Source: kubernetes apiserver/plugin/pkg/authenticator/token/oidc, and its flags' defaults.
 */
import { asArray, asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { UserInfo } from '../request/request.ts';
import { audiencesOf, type Jwt, outOfTime, readJwt, secondsOf, verifies } from './jwt.ts';
import type { IssuerKeys } from './oidc-keys.ts';
import type { TokenAuthenticator } from './token-authenticator.ts';

export interface OidcOptions {
  /** `https://…`, exactly as tokens say it in `iss`. */
  readonly issuerUrl: string;
  /** Must be among the audiences of a token. */
  readonly clientId: string;
  /** @default sub */
  readonly usernameClaim?: string | undefined;
  /** `-` is none. @default the issuer and `#`; none for the claim `email` */
  readonly usernamePrefix?: string | undefined;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix?: string | undefined;
  /** Claims that a token must have, with these values. */
  readonly requiredClaims?: Readonly<Record<string, string>> | undefined;
}

/** `own` are the names of this API. Throws 401 with the reason for the issuer's tokens that do not hold. */
export function oidcAuthenticator(
  options: OidcOptions,
  keys: IssuerKeys,
  own: readonly string[],
  clock: Clock,
): TokenAuthenticator {
  return async (token, wanted, signal) => {
    const audiences = own.filter((each) => wanted.includes(each));
    const jwt = readJwt(token);
    if (audiences.length === 0 || jwt?.claims['iss'] !== options.issuerUrl) return undefined;
    if (!(await isSigned(jwt, keys, signal))) return undefined;
    const user = userOf(jwt.claims, options, clock.now());
    return { user, audiences };
  };
}

/** A key that is not known may be new: the issuer is asked again. */
async function isSigned(jwt: Jwt, keys: IssuerKeys, signal: AbortSignal): Promise<boolean> {
  if (verifies(jwt, await keys.current(signal))) return true;
  const renewed = await keys.renewed(signal);
  return renewed !== undefined && verifies(jwt, renewed);
}

/** Whom the claims name; throws 401. */
export function userOf(claims: JsonObject, options: OidcOptions, nowMs: number): UserInfo {
  const { clientId, requiredClaims = {} } = options;
  if (!audiencesOf(claims).includes(clientId))
    throw refused(
      `expected audience ${JSON.stringify(clientId)} got ${JSON.stringify(claims['aud'] ?? null)}`,
    );
  if (secondsOf(claims['exp']) === undefined) throw refused('the token has no end (exp)');
  const late = outOfTime(claims, nowMs);
  if (late !== undefined) throw refused(late);
  for (const [claim, value] of Object.entries(requiredClaims))
    if (claims[claim] !== value)
      throw refused(`required claim ${claim} is not ${JSON.stringify(value)}`);
  const id = asString(claims['jti']);
  return {
    name: usernameOf(claims, options),
    groups: groupsOf(claims, options),
    ...(id === ''
      ? {}
      : { extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${id}`] } }),
  };
}

function usernameOf(claims: JsonObject, options: OidcOptions): string {
  const { issuerUrl, usernameClaim = 'sub', usernamePrefix } = options;
  const name = asString(claims[usernameClaim]);
  if (name === '') throw refused(`claim ${JSON.stringify(usernameClaim)} names no user`);
  if (usernameClaim === 'email') {
    const { email_verified: verified } = claims;
    if (verified !== undefined && verified !== true) throw refused('email not verified');
  }
  const prefix = usernamePrefix ?? (usernameClaim === 'email' ? '' : `${issuerUrl}#`);
  return prefix === '-' ? name : `${prefix}${name}`;
}

/** One group or a list of them. */
function groupsOf(claims: JsonObject, options: OidcOptions): readonly string[] {
  const { groupsClaim = '', groupsPrefix = '' } = options;
  const value = groupsClaim === '' ? undefined : claims[groupsClaim];
  if (value === undefined || value === null) return [];
  const groups = typeof value === 'string' ? [value] : asArray(value);
  if (asObject(value) !== undefined || !groups.every((group) => typeof group === 'string'))
    throw refused(`claim ${JSON.stringify(groupsClaim)} is no list of groups`);
  return groups.map((group) => `${groupsPrefix}${asString(group)}`);
}

function refused(why: string): StatusError {
  return new StatusError(401, 'Unauthorized', `oidc: ${why}`);
}
