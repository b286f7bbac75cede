/**
 * Whose a service account's token is: its signature, its times, and whether the account and what the token
 * is bound to are still the ones it was made for. Source: kubernetes pkg/serviceaccount/jwt.go, claims.go.
 */
import { asString, at } from '../../api/json.ts';
import type { JsonObject, ObjectKey } from '../../api/meta.ts';
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import { metaString } from '../storage/cached.ts';
import type { StoragePlace } from '../storage/keys.ts';
import { audiencesOf, leewayMs, outOfTime, readJwt, signJwt, verifies } from './jwt.ts';
import {
  type AccountClaims,
  type AccountName,
  accountUser,
  legacyClaims,
  legacyIssuer,
  type Reference,
  readClaims,
} from './service-account-claims.ts';
import type { TokenAuthenticator } from './token-authenticator.ts';
import type { TokenKeys } from './token-keys.ts';

/** What the plane's own tokens are made and judged by. */
export interface TokenIssuer {
  readonly keys: TokenKeys;
  /** `iss` of new tokens. */
  readonly issuer: string;
  /** Whom a token is for when nobody is named: this API. */
  readonly audiences: readonly string[];
}

/** Looks first at what the server remembers; `accept` decides whether that will do. */
export type ReadObject = (
  place: StoragePlace,
  key: ObjectKey,
  accept: (object: JsonObject) => boolean,
  signal: AbortSignal,
) => Promise<JsonObject | undefined>;

const accounts = { group: '', plural: 'serviceaccounts' };
const boundKinds = [
  { field: 'pod', place: { group: '', plural: 'pods' }, namespaced: true },
  { field: 'secret', place: { group: '', plural: 'secrets' }, namespaced: true },
  { field: 'node', place: { group: '', plural: 'nodes' }, namespaced: false },
] as const;

/** The token for a Secret of type `kubernetes.io/service-account-token`. */
export function secretToken(keys: TokenKeys, account: AccountName, secretName: string): string {
  return signJwt(keys.signing, legacyClaims(account, secretName));
}

/** Throws 401 with the reason for a token that this plane has signed and that no longer holds. */
export function accountAuthenticator(
  { keys, issuer, audiences: own }: TokenIssuer,
  read: ReadObject,
  clock: Clock,
): TokenAuthenticator {
  return async (token, wanted, signal) => {
    const jwt = readJwt(token);
    const from = jwt?.claims['iss'];
    if (jwt === undefined || (from !== issuer && from !== legacyIssuer)) return undefined;
    if (!verifies(jwt, keys.verifying)) return undefined;
    const said = audiencesOf(jwt.claims);
    // Those of Secrets name nobody: they are for this API.
    const audiences = (said.length === 0 ? own : said).filter((each) => wanted.includes(each));
    if (audiences.length === 0)
      throw refused(`the token is for ${JSON.stringify(said)}, not for ${JSON.stringify(wanted)}`);
    const late = outOfTime(jwt.claims, clock.now());
    if (late !== undefined) throw refused(`service account ${late}`);
    const claims = readClaims(jwt.claims);
    if (claims === undefined) throw refused('the claims of the token do not fit together');
    const legacy = from === legacyIssuer ? token : undefined;
    await checkStillThere(claims, legacy, { read, clock, signal });
    return { user: accountUser(claims), audiences };
  };
}

interface Checking {
  readonly read: ReadObject;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function checkStillThere(
  claims: AccountClaims,
  legacy: string | undefined,
  checking: Checking,
): Promise<void> {
  const { namespace, account, pod, secret } = claims;
  await find(accounts, { namespace, ...account }, 'service account', checking);
  for (const { field, place, namespaced } of boundKinds) {
    const bound = claims[field];
    if (bound === undefined) continue;
    // The node of a pod's token is only told, not asked for.
    if (field === 'node' && (pod !== undefined || secret !== undefined)) continue;
    const key = namespaced ? { namespace, ...bound } : bound;
    const found = await find(place, key, field, checking);
    if (legacy !== undefined && dataOf(found, 'token') !== legacy)
      throw refused(`the secret ${namespace}/${bound.name} does not hold this token`);
  }
}

/** The object that the token means; throws 401 when it is gone or another. */
async function find(
  place: StoragePlace,
  { namespace, name, uid }: Reference & { readonly namespace?: string },
  what: string,
  { read, clock, signal }: Checking,
): Promise<JsonObject> {
  const key = { ...(namespace === undefined ? {} : { namespace }), name };
  const isIt = (object: JsonObject) => uid === undefined || metaString(object, 'uid') === uid;
  const found = await read(place, key, isIt, signal);
  const where = namespace === undefined ? name : `${namespace}/${name}`;
  if (found === undefined) throw refused(`the ${what} ${where} of the token is gone`);
  if (!isIt(found)) throw refused(`the ${what} ${where} of the token was deleted and made again`);
  const deleted = Date.parse(metaString(found, 'deletionTimestamp'));
  if (deleted < clock.now() - leewayMs)
    throw refused(`the ${what} ${where} of the token is being deleted`);
  return found;
}

function dataOf(secret: JsonObject, key: string): string {
  return Buffer.from(asString(at(secret, 'data', key)), 'base64').toString('utf8');
}

function refused(why: string): StatusError {
  return new StatusError(401, 'Unauthorized', why);
}
