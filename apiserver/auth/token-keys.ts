/**
 * The keys of service-account tokens, beside the CA: `sa.key` signs, and `sa.pub` holds every public key whose
 * tokens are good. A key is rotated by removing `sa.key`: what `sa.pub` holds stays good.
 */
import { createPublicKey, generateKeyPair } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type SigningKey, signingKey, type VerifyingKey, verifyingKey } from './jwt.ts';
import { writeSecret } from './pki.ts';

export interface TokenKeys {
  readonly signing: SigningKey;
  /** The signing key's own public half is among them. */
  readonly verifying: readonly VerifyingKey[];
}

/** More are not read from one file. */
const keysMax = 100;
const rsaBits = 2_048;
const publicPem = /-----BEGIN [A-Z ]*PUBLIC KEY-----[\s\S]*?-----END [A-Z ]*PUBLIC KEY-----\n?/g;

/** Opens the keys in `dir`, making one when there is none. Throws when a file is no key. */
export async function openTokenKeys(dir: string): Promise<TokenKeys> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [keyFile, publicFile] = [join(dir, 'sa.key'), join(dir, 'sa.pub')];
  const [kept, known = ''] = await Promise.all([textOf(keyFile), textOf(publicFile)]);
  const pem = kept ?? (await makeKey());
  const signing = readAs(keyFile, () => signingKey(pem));
  const verifying = [...known.matchAll(publicPem)]
    .slice(0, keysMax)
    .map(([each]) => readAs(publicFile, () => verifyingKey(each)));
  if (!verifying.some(({ id }) => id === signing.id)) {
    const own = createPublicKey(signing.key).export({ type: 'spki', format: 'pem' }).toString();
    // The public half goes first: no token is signed that would not be good after a crash.
    await writeSecret(publicFile, `${own}${known}`);
    verifying.unshift(verifyingKey(own));
  }
  if (kept === undefined) await writeSecret(keyFile, pem);
  return { signing, verifying };
}

async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: rsaBits });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // File errors carry a code.
    throw error;
  }
}

function readAs<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} is no key for tokens (${why}): put it back, or remove it`, { cause });
  }
}
