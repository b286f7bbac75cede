/** Who a request comes from: a client certificate of our CA, a bearer token, or nobody. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { StatusError } from '../../api/status.ts';
import type { UserInfo } from '../request/request.ts';
import { authenticated, type TokenAuthenticator } from './token-authenticator.ts';

/** The verified subject of a TLS client certificate. */
export interface PeerCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface StaticToken {
  readonly token: string;
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

export const anonymous: UserInfo = {
  name: 'system:anonymous',
  groups: ['system:unauthenticated'],
};

/** Reads `token,user,uid,"group1,group2"` lines, as `kube-apiserver --token-auth-file`; absent = none. */
export async function readTokens(path: string): Promise<readonly StaticToken[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // File errors carry a code.
    throw error;
  }
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line, index) => parseTokenLine(line, `${path}:${index + 1}`));
}

function parseTokenLine(line: string, where: string): StaticToken {
  const match = /^([^,]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^,"]*)))?\s*$/.exec(line);
  if (match === null) throw new Error(`${where}: expected token,user,uid,"group1,group2"`);
  const [, token = '', user = '', uid = '', quoted, plain] = match;
  const groups = (quoted ?? plain ?? '').split(',').filter((group) => group !== '');
  return { token, user, uid, groups };
}

export type Authenticator = (
  headers: Readonly<Record<string, string>>,
  peer: PeerCertificate | undefined,
  signal: AbortSignal,
) => Promise<UserInfo>;

/**
 * Rejects with 401 for credentials that are wrong; none at all is `system:anonymous`. `audiences` are the
 * names of this API.
 */
export function createAuthenticator(
  tokens: TokenAuthenticator,
  audiences: readonly string[],
): Authenticator {
  return async (headers, peer, signal) => {
    const authorization = headers['authorization'];
    if (authorization !== undefined && authorization !== '') {
      const [scheme, token = ''] = authorization.trim().split(/\s+/);
      if (scheme?.toLowerCase() !== 'bearer' || token === '') throw unauthorized();
      const identity = await tokens(token, audiences, signal);
      if (identity === undefined) throw unauthorized();
      return identity.user;
    }
    if (peer === undefined) return anonymous;
    return authenticated({ name: peer.commonName, groups: peer.organizations });
  };
}

/** Whose a token of the file is. */
export function staticUsers(
  tokens: readonly StaticToken[],
): (token: string) => UserInfo | undefined {
  const hashed = tokens.map((each) => ({ ...each, digest: digest(each.token) }));
  return (token) => {
    const given = digest(token);
    const found = hashed.find((each) => timingSafeEqual(each.digest, given));
    if (found === undefined) return undefined;
    const { user: name, uid, groups } = found;
    return { name, ...(uid === '' ? {} : { uid }), groups };
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}
