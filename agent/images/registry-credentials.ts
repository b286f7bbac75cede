/**
 * Credentials for registries, from Secrets of type `kubernetes.io/dockerconfigjson` and `dockercfg`.
 * Pure. Source: Kubernetes "Pull an Image from a Private Registry" and pkg/credentialprovider/keyring.go.
 */
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { RegistryCredentials } from '../../runtime/runtime.ts';

interface KeyringEntry {
  /** `host`, `host:port` or `host/path`; parts of the host may be globs. */
  readonly place: string;
  readonly username: string;
  readonly password: string;
}

export type Keyring = readonly KeyringEntry[];

/** What one Secret holds, by its keys; `undefined` when it is not of either kind, or not readable. */
export function readKeyring(entries: ReadonlyMap<string, Buffer>): Keyring | undefined {
  const json = entries.get('.dockerconfigjson');
  const cfg = entries.get('.dockercfg');
  try {
    if (json !== undefined) return placesOf(asObject(parse(json))?.['auths']);
    if (cfg !== undefined) return placesOf(parse(cfg));
  } catch {
    // A SyntaxError would quote the secret: it goes nowhere.
  }
  return undefined;
}

function parse(text: Buffer): JsonValue {
  return JSON.parse(text.toString('utf8'));
}

function placesOf(value: JsonValue | undefined): Keyring {
  return Object.entries(asObject(value) ?? {}).map(([place, entry]) => ({
    place: normalPlace(place),
    ...userOf(asObject(entry) ?? {}),
  }));
}

/** `auth` is both, joined by a colon; it goes before the separate fields, as upstream has it. */
function userOf(entry: JsonObject) {
  const auth = Buffer.from(asString(entry['auth']), 'base64').toString('utf8');
  const colon = auth.indexOf(':');
  if (colon < 0) {
    return { username: asString(entry['username']), password: asString(entry['password']) };
  }
  return { username: auth.slice(0, colon), password: auth.slice(colon + 1).replace(/\0+$/, '') };
}

/** Without scheme and without the path of the registry's protocol. */
function normalPlace(place: string): string {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(.*)$/.exec(place) ?? [];
  const rest = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return rest === '' || rest === '/' ? host : host + rest;
}

const defaultRegistry = 'index.docker.io';

/** Those that may fit `image`, the most exact place first; without duplicates. */
export function credentialsFor(image: string, keyring: Keyring): readonly RegistryCredentials[] {
  const repository = repositoryOf(image);
  const [host = ''] = repository.split('/');
  const sorted = [...keyring].sort((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0));
  const matching = sorted.filter(({ place }) => matches(place, repository));
  const found =
    matching.length > 0 || host !== 'docker.io'
      ? matching
      : sorted.filter(({ place }) => place === defaultRegistry);
  const unique = new Map(
    found.map(({ username, password }) => [
      JSON.stringify([username, password]),
      { username, password, server: host },
    ]),
  );
  return [...unique.values()];
}

/** `docker.io/library/nginx` of `nginx:1.29`. Source: distribution/reference, normalization. */
function repositoryOf(image: string): string {
  const [noDigest = ''] = image.split('@');
  const name = noDigest.replace(/:[^:/]*$/, '');
  const [first = '', ...rest] = name.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (!isHost) return `docker.io/${rest.length === 0 ? `library/${name}` : name}`;
  return first === defaultRegistry ? ['docker.io', ...rest].join('/') : name;
}

/** Ports are equal, hosts fit part by part, and the path is a beginning of the repository's. */
function matches(place: string, repository: string): boolean {
  const [a, b] = [split(place), split(repository)];
  return (
    a.port === b.port &&
    a.words.length === b.words.length &&
    b.path.startsWith(a.path) &&
    a.words.every((glob, at) => globOf(glob).test(b.words[at] ?? ''))
  );
}

function split(place: string) {
  const slash = place.indexOf('/');
  const whole = slash < 0 ? place : place.slice(0, slash);
  const [, host = '', port = ''] = /^(.*?)(?::(\d+))?$/.exec(whole) ?? [];
  return { words: host.split('.'), port, path: slash < 0 ? '' : place.slice(slash) };
}

function globOf(glob: string): RegExp {
  const escaped = glob.replace(/[\\^$.+()|{}[\]]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
}
