/** Keys for service-account tokens that are made in no time. */
import { generateKeyPairSync } from 'node:crypto';
import { signingKey, verifyingKey } from '../../apiserver/auth/jwt.ts';
import type { TokenKeys } from '../../apiserver/auth/token-keys.ts';

export function makeTokenKeys(): TokenKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    signing: signingKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    verifying: [verifyingKey(publicKey.export({ type: 'spki', format: 'pem' }).toString())],
  };
}
