/**
 * Encrypts and decrypts what is stored: AES-GCM, with the object's key in the store as additional data, so
 * that no value can be put in another one's place. The form is kube-apiserver's:
 * `k8s:enc:aesgcm:v1:<key name>:`, 12 random bytes, cipher text, 16 bytes of tag.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { EncryptionConfiguration, NamedKey, Provider } from './configuration.ts';

export interface Sealer {
  /** As it is to be stored under `key`. */
  seal(key: string, value: Uint8Array): Uint8Array;
  /** The plain value; throws `Undecipherable`. */
  open(key: string, stored: Uint8Array): Uint8Array;
  /** Whether any provider of the kind reads it; throws `Undecipherable` where none does. Cheap. */
  check(key: string, stored: Uint8Array): void;
  /** Whether `seal` encrypts values of this key, or leaves them as they are on purpose. */
  covers(key: string): boolean;
  /** Whether `stored` was written otherwise than `seal` writes now. */
  isStale(key: string, stored: Uint8Array): boolean;
}

/** A stored value that cannot be read with the keys there are. */
export class Undecipherable extends Error {
  override readonly name = 'Undecipherable';
}

const marker = Buffer.from('k8s:enc:');
const gcmMarker = 'k8s:enc:aesgcm:v1:';
const nonceBytes = 12;
const tagBytes = 16;
/** Long enough for the marker and any name of a key. */
const headBytesMax = 128;
const plain: readonly [Provider] = [{ type: 'identity' }];

/** Without a configuration everything is plain text, and what is not is told with the remedy. */
export function createSealer(configuration: EncryptionConfiguration = []): Sealer {
  const byFolder = new Map<string, readonly [Provider, ...Provider[]] | undefined>();
  const configured = (key: string) => {
    const folder = key.slice(0, key.indexOf('/', key.indexOf('/') + 1));
    if (!byFolder.has(folder)) byFolder.set(folder, find(configuration, folder));
    return byFolder.get(folder);
  };
  const providers = (key: string) => configured(key) ?? plain;
  return {
    seal: (key, value) => sealed(providers(key)[0], key, value),
    open: (key, stored) => opened(providers(key), key, stored),
    check: (key, stored) => {
      keyFor(providers(key), key, stored);
    },
    covers: (key) => configured(key) !== undefined,
    isStale(key, stored) {
      const [first] = providers(key);
      if (first.type === 'identity') return isSealed(stored);
      return keyNameOf(stored) !== first.keys[0]?.name;
    },
  };
}

/** `core/secrets` is `secrets`; the store's own keys are nobody's. */
function find(configuration: EncryptionConfiguration, folder: string) {
  const [group = '', plural = ''] = folder.split('/');
  if (group === 'system') return undefined;
  const ofGroup = group === 'core' ? '' : group;
  const names = [ofGroup === '' ? plural : `${plural}.${ofGroup}`, `*.${ofGroup}`, '*.*'];
  if (ofGroup === '') names.push(`${plural}.`);
  return configuration.find(({ resources }) => resources.some((each) => names.includes(each)))
    ?.providers;
}

function sealed(provider: Provider, key: string, value: Uint8Array): Uint8Array {
  if (provider.type === 'identity') return value;
  const [first] = provider.keys;
  if (first === undefined) return value;
  // Not from a seeded source: a nonce that is used twice gives the key away.
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm(first), first.secret, nonce);
  cipher.setAAD(Buffer.from(key));
  const head = Buffer.from(`${gcmMarker}${first.name}:`);
  return Buffer.concat([head, nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

function opened(providers: readonly Provider[], key: string, stored: Uint8Array): Uint8Array {
  const used = keyFor(providers, key, stored);
  if (used === undefined) return stored;
  const start = gcmMarker.length + Buffer.byteLength(used.name) + 1;
  const nonce = stored.subarray(start, start + nonceBytes);
  const text = stored.subarray(start + nonceBytes, stored.length - tagBytes);
  try {
    const decipher = createDecipheriv(algorithm(used), used.secret, nonce);
    decipher.setAAD(Buffer.from(key));
    decipher.setAuthTag(stored.subarray(stored.length - tagBytes));
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch (error) {
    throw new Undecipherable(
      `${key} cannot be decrypted with key "${used.name}": it was encrypted with another key of ` +
        'that name, or what is stored has been changed; restore it from a backup, or delete it',
      { cause: error },
    );
  }
}

/** The key that `stored` needs; `undefined` for plain text. */
function keyFor(
  providers: readonly Provider[],
  key: string,
  stored: Uint8Array,
): NamedKey | undefined {
  if (!isSealed(stored)) {
    if (providers.some(({ type }) => type === 'identity')) return undefined;
    throw new Undecipherable(
      `${key} is stored in plain text, which the encryption configuration does not allow: ` +
        'add the provider "identity: {}" at the end of its kind',
    );
  }
  const name = keyNameOf(stored);
  const keys = providers.flatMap((each) => (each.type === 'aesgcm' ? each.keys : []));
  const found = keys.find((each) => each.name === name);
  if (found !== undefined) return found;
  const what = name === undefined ? 'in a form that is not supported' : `with key "${name}"`;
  throw new Undecipherable(
    `${key} is encrypted ${what}, which is not among the keys of its kind in ` +
      '--encryption-provider-config: add it there',
  );
}

function isSealed(stored: Uint8Array): boolean {
  return marker.equals(stored.subarray(0, marker.length));
}

function keyNameOf(stored: Uint8Array): string | undefined {
  if (!isSealed(stored)) return undefined;
  const head = Buffer.from(stored.subarray(0, headBytesMax)).toString('utf8');
  const end = head.indexOf(':', gcmMarker.length);
  return head.startsWith(gcmMarker) && end > 0 ? head.slice(gcmMarker.length, end) : undefined;
}

function algorithm({ secret }: NamedKey) {
  if (secret.length === 16) return 'aes-128-gcm';
  return secret.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}
