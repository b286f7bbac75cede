import { openEmbeddedStore } from './embedded.ts';
import type { EtcdStoreOptions } from './etcd.ts';
import { openEtcdStore } from './open-etcd.ts';
import type { Store } from './store.ts';

/** What a URL does not say; used for etcd only. */
export type OpenStoreOptions = Omit<EtcdStoreOptions, 'endpoints'>;

/** What a store's URL means. */
export type StoreLocation =
  | { readonly type: 'embedded'; readonly directory: string }
  | { readonly type: 'etcd'; readonly endpoints: readonly string[]; readonly tls: boolean };

const examples = 'embedded:<directory>, etcd://host:2379,host2:2379 or etcds://host:2379';
const defaultPort = 2379;

/**
 * Opens the store named by `url`: `embedded:<directory>`, or `etcd://` (`etcds://` with TLS) and
 * one or more members. Throws a TypeError that says what is wrong with the URL; otherwise as
 * `openEmbeddedStore` and `openEtcdStore` do.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const location = parseStoreUrl(url);
  if (location.type === 'embedded') return openEmbeddedStore(location.directory);
  const { endpoints, tls } = location;
  // `etcds` without certificates of one's own trusts what the machine trusts.
  return openEtcdStore({ ...(tls ? { tls: 'system' as const } : {}), ...options, endpoints });
}

/** Pure; throws a TypeError that says what is wrong. */
export function parseStoreUrl(url: string): StoreLocation {
  const colon = url.indexOf(':');
  const scheme = colon < 0 ? undefined : url.slice(0, colon);
  const rest = url.slice(colon + 1);
  switch (scheme) {
    case 'embedded':
      if (rest === '') throw refused(url, 'a directory must follow "embedded:"');
      return { type: 'embedded', directory: rest };
    case 'etcd':
    case 'etcds':
      return { type: 'etcd', endpoints: parseEndpoints(url, rest), tls: scheme === 'etcds' };
    default:
      throw refused(url, `it must look like ${examples}`);
  }
}

function parseEndpoints(url: string, rest: string): readonly string[] {
  if (!rest.startsWith('//') || rest === '//') {
    throw refused(url, 'a host must follow "//", as in etcd://127.0.0.1:2379');
  }
  return rest
    .slice(2)
    .split(',')
    .map((endpoint) => parseEndpoint(url, endpoint));
}

/** `host`, `host:port` or `[IPv6]:port`. */
function parseEndpoint(url: string, endpoint: string): string {
  if (endpoint === '') throw refused(url, 'there is an empty name between its commas');
  if (endpoint.includes('@')) {
    throw refused(url, 'user and password do not belong into it, they would be logged');
  }
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/?#[\]]+)(?::(\d{1,5}))?$/.exec(endpoint);
  if (match === null) throw refused(url, `"${endpoint}" is not a host with an optional port`);
  const [, host = '', port = String(defaultPort)] = match;
  if (Number(port) < 1 || Number(port) > 65_535) throw refused(url, `${port} is not a port`);
  return `${host}:${Number(port)}`;
}

function refused(url: string, why: string): TypeError {
  // A password that should not be there must not reach a log by way of this message.
  const shown = url.replace(/\/\/[^@]*@/, '//…@');
  return new TypeError(`cannot open the store "${shown}": ${why}`);
}
