/**
 * Whom others may believe the plane's tokens by: OpenID Connect's discovery document and the keys.
 * Source: Kubernetes "Service account issuer discovery".
 */

import { toJwk } from '../auth/jwt.ts';
import type { TokenIssuer } from '../auth/service-account-token.ts';
import type { ApiResponse } from '../request/request.ts';

export const issuerPaths = ['/.well-known/openid-configuration', '/openid/v1/jwks'] as const;

const [configurationPath, keysPath] = issuerPaths;
const cacheControl = 'public, max-age=3600';

/** `undefined` when the path is none of its own. */
export function issuerDocument(
  path: string,
  { issuer, keys }: TokenIssuer,
  serverAddress: string,
): ApiResponse | undefined {
  if (path === keysPath)
    return answer('application/jwk-set+json', { keys: keys.verifying.map(toJwk) });
  if (path !== configurationPath) return undefined;
  return answer('application/json', {
    issuer,
    jwks_uri: `https://${serverAddress}${keysPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [
      ...new Set(keys.verifying.map(({ algorithm }) => algorithm)),
    ],
  });
}

function answer(contentType: string, value: object): ApiResponse {
  const headers = { 'content-type': contentType, 'cache-control': cacheControl };
  return { status: 200, headers, body: Buffer.from(JSON.stringify(value)) };
}
