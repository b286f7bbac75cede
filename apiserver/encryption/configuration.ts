/** Which kinds are stored encrypted, and with what: apiserver.config.k8s.io/v1 EncryptionConfiguration. Pure. */

export type Provider =
  | { readonly type: 'aesgcm'; readonly keys: readonly NamedKey[] }
  /** Plain text. */
  | { readonly type: 'identity' };

export interface NamedKey {
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly secret: Uint8Array;
}

export interface ResourceEncryption {
  /** `secrets`, `widgets.example.com`, `*.example.com`, `*.` for the core group, `*.*`. */
  readonly resources: readonly string[];
  /** The first one writes, all read. */
  readonly providers: readonly [Provider, ...Provider[]];
}

/** The first element that names a kind holds for it. */
export type EncryptionConfiguration = readonly ResourceEncryption[];

/** Reads what a configuration file holds; throws a `TypeError` that names the field and the remedy. */
export function readEncryption(value: unknown): EncryptionConfiguration {
  const file = record(value, 'the configuration');
  known(file, ['apiVersion', 'kind', 'resources'], '');
  const { kind, apiVersion } = file;
  if (kind !== 'EncryptionConfiguration' || apiVersion !== 'apiserver.config.k8s.io/v1')
    throw new TypeError(
      'apiVersion and kind must be apiserver.config.k8s.io/v1 and EncryptionConfiguration',
    );
  return list(file['resources'], 'resources', '{resources: [secrets], providers: [...]}').map(
    (each, index) => resourceOf(each, `resources[${index}]`),
  );
}

function resourceOf(value: unknown, at: string): ResourceEncryption {
  const entry = record(value, at);
  known(entry, ['resources', 'providers'], `${at}.`);
  const resources = list(entry['resources'], `${at}.resources`, 'secrets').map((each, index) =>
    patternOf(each, `${at}.resources[${index}]`),
  );
  const [first, ...rest] = list(entry['providers'], `${at}.providers`, 'aesgcm').map(
    (each, index) => providerOf(each, `${at}.providers[${index}]`),
  );
  if (first === undefined) throw new TypeError(`${at}.providers: at least one is needed`);
  const providers = [first, ...rest] as const;
  checkNames(providers, `${at}.providers`);
  return { resources, providers };
}

function patternOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || !/^(\*|[a-z0-9-]+)(\.[a-z0-9.*-]*)?$/.test(value))
    throw new TypeError(`${at}: must be like secrets, widgets.example.com, *.example.com or *.*`);
  if (value === '*') throw new TypeError(`${at}: write "*." for the core group, "*.*" for all`);
  if (/\..*\*/.test(value) && value !== '*.*')
    throw new TypeError(`${at}: of a group only "*.*" may be a wildcard`);
  return value;
}

const unsupported: ReadonlySet<string> = new Set(['aescbc', 'secretbox', 'kms']);

function providerOf(value: unknown, at: string): Provider {
  const entry = record(value, at);
  const [type, ...more] = Object.keys(entry);
  if (type === undefined || more.length > 0)
    throw new TypeError(`${at}: must have exactly one of aesgcm and identity`);
  if (unsupported.has(type))
    throw new TypeError(`${at}.${type}: is not supported; use aesgcm, or identity for plain text`);
  if (type === 'identity') {
    known(record(entry[type], `${at}.identity`), [], `${at}.identity.`);
    return { type };
  }
  if (type !== 'aesgcm')
    throw new TypeError(`${at}.${type}: unknown provider; there are aesgcm and identity`);
  const aesgcm = record(entry[type], `${at}.aesgcm`);
  known(aesgcm, ['keys'], `${at}.aesgcm.`);
  const example = '{name: key1, secret: <32 bytes in base64>}';
  const keys = list(aesgcm['keys'], `${at}.aesgcm.keys`, example).map((each, index) =>
    keyOf(each, `${at}.aesgcm.keys[${index}]`),
  );
  return { type, keys };
}

function keyOf(value: unknown, at: string): NamedKey {
  const key = record(value, at);
  known(key, ['name', 'secret'], `${at}.`);
  const { name, secret } = key;
  // The name stands in front of every value, between colons.
  if (typeof name !== 'string' || !/^[^:\s]{1,63}$/.test(name))
    throw new TypeError(`${at}.name: must be 1 to 63 characters without ":" and spaces`);
  const bytes = typeof secret === 'string' ? Buffer.from(secret, 'base64') : Buffer.alloc(0);
  // The secret itself never goes into a message.
  if (![16, 24, 32].includes(bytes.length) || bytes.toString('base64') !== secret)
    throw new TypeError(
      `${at}.secret: must be 16, 24 or 32 bytes in base64 (head -c 32 /dev/urandom | base64)`,
    );
  return { name, secret: bytes };
}

function checkNames(providers: readonly Provider[], at: string): void {
  const names = providers.flatMap((each) =>
    each.type === 'aesgcm' ? each.keys.map(({ name }) => name) : [],
  );
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TypeError(`${at}: two keys are named "${twice}"`);
}

function list(value: unknown, at: string, example: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new TypeError(`${at}: at least one is needed, such as ${example}`);
}

function known(from: Record, names: readonly string[], at: string): void {
  const odd = Object.keys(from).find((name) => !names.includes(name));
  if (odd === undefined) return;
  const there = names.length === 0 ? 'it has none' : `there are ${names.join(', ')}`;
  throw new TypeError(`${at}${odd}: unknown field; ${there}`);
}

type Record = Readonly<{ [name: string]: unknown }>;

function record(value: unknown, at: string): Record {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record; // Narrowed by the check.
  throw new TypeError(`${at}: must be an object`);
}
