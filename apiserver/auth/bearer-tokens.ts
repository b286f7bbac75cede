/** All the ways in which a server tells whose a bearer token is. */
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { objectKey } from '../storage/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type StaticToken, staticUsers } from './authenticate.ts';
import { bootstrapUser } from './bootstrap-token.ts';
import { type OidcOptions, oidcAuthenticator } from './oidc.ts';
import { httpsReader, issuerKeys } from './oidc-keys.ts';
import {
  accountAuthenticator,
  type ReadObject,
  type TokenIssuer,
} from './service-account-token.ts';
import { firstOf, forApi, type TokenAuthenticator } from './token-authenticator.ts';

export interface BearerTokenOptions {
  readonly tokens: readonly StaticToken[];
  readonly issuer: TokenIssuer;
  readonly oidc?: OidcOptions & { readonly ca?: string | undefined };
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
}

export function bearerTokens(options: BearerTokenOptions): TokenAuthenticator {
  const { tokens, issuer, oidc, objects, clock } = options;
  const { cache } = objects;
  const { audiences } = issuer;
  const read: ReadObject = async (place, key, accept, signal) => {
    const known = cache.newest(objectKey(place, key))?.object;
    if (known !== undefined && accept(known)) return known;
    return (await objects.get(place, key, signal))?.object;
  };
  return firstOf([
    forApi(audiences, staticUsers(tokens)),
    forApi(audiences, (token) => bootstrapUser(cache, clock, token)),
    accountAuthenticator(issuer, read, clock),
    ...(oidc === undefined ? [] : [ofIssuer(oidc, options)]),
  ]);
}

function ofIssuer(
  oidc: NonNullable<BearerTokenOptions['oidc']>,
  { issuer, clock, log }: BearerTokenOptions,
): TokenAuthenticator {
  const { issuerUrl, ca } = oidc;
  const keys = issuerKeys({ issuerUrl, read: httpsReader(ca), clock, log });
  return oidcAuthenticator(oidc, keys, issuer.audiences, clock);
}
