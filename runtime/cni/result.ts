/** What plugins answer. Pure. Source: CNI specification 1.1.0, section 5; results since 0.3.0 read alike. */
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { CniAddress, CniAttachment } from './cni.ts';
import { isObject } from './config.ts';

/** Their own words about a failure. */
export interface PluginFailure {
  readonly code?: number;
  readonly message: string;
}

/** `undefined` where the output is no error of the specification's. */
export function readFailure(output: string): PluginFailure | undefined {
  const value = parse(output);
  if (!isObject(value)) return undefined;
  const { code, msg, details } = value;
  if (typeof msg !== 'string') return undefined;
  const more = typeof details === 'string' && details !== '' ? `; ${details}` : '';
  return { message: `${msg}${more}`, ...(typeof code === 'number' ? { code } : {}) };
}

/** A result as the next plugin, and later CHECK and DEL, are to get it; `undefined` when it is none. */
export function readResult(output: string): JsonObject | undefined {
  const value = parse(output);
  return isObject(value) ? value : undefined;
}

/** Versions that a plugin says it knows. */
export function readSupportedVersions(output: string): readonly string[] {
  const value = parse(output);
  const list = isObject(value) ? value['supportedVersions'] : undefined;
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

/** What a result says of the interface that was asked for. */
export function attachmentOf(
  network: string,
  interfaceName: string,
  result: JsonObject,
): CniAttachment {
  const interfaces = objects(result['interfaces']);
  const inside = interfaces.findIndex(
    ({ name, sandbox }) => name === interfaceName && typeof sandbox === 'string' && sandbox !== '',
  );
  const addresses = objects(result['ips']).flatMap((each) => {
    const { interface: at } = each;
    // Of a plugin that makes several interfaces, only those of this one.
    return at === undefined || inside < 0 || at === inside ? addressOf(each) : [];
  });
  const { mac, mtu } = interfaces[inside] ?? {};
  return {
    network,
    interface: interfaceName,
    addresses,
    ...(typeof mac === 'string' && mac !== '' ? { mac } : {}),
    ...(typeof mtu === 'number' && mtu > 0 ? { mtu } : {}),
    dns: dnsOf(result['dns']),
    routes: objects(result['routes']).flatMap((each) => routeOf(each, addresses)),
    hostInterfaces: interfaces.flatMap(({ name, sandbox = '' }) =>
      typeof name === 'string' && sandbox === '' ? [name] : [],
    ),
  };
}

function addressOf({ address, gateway }: JsonObject): CniAddress[] {
  const [ip = '', length = ''] = typeof address === 'string' ? address.split('/') : [];
  if (ip === '') return [];
  const prefixLength = length === '' ? (ip.includes(':') ? 128 : 32) : Number(length);
  const via = typeof gateway === 'string' && gateway !== '' ? { gateway } : {};
  return [{ address: ip, prefixLength, ...via }];
}

function routeOf(
  { dst, gw }: JsonObject,
  addresses: readonly CniAddress[],
): CniAttachment['routes'][number][] {
  if (typeof dst !== 'string') return [];
  const isV6 = dst.includes(':');
  const own = addresses.find(({ address }) => address.includes(':') === isV6)?.gateway;
  const via = typeof gw === 'string' && gw !== '' ? gw : own;
  return [{ to: dst, ...(via === undefined ? {} : { via }) }];
}

function dnsOf(value: JsonValue | undefined): CniAttachment['dns'] {
  const { nameservers, domain, search, options } = isObject(value) ? value : {};
  const searches = texts(search);
  const own = typeof domain === 'string' && domain !== '' ? [domain] : [];
  return {
    servers: texts(nameservers),
    // As resolv.conf has it: a domain is a list of one.
    searches: searches.length > 0 ? searches : own,
    options: texts(options),
  };
}

function parse(output: string): JsonValue | undefined {
  try {
    return JSON.parse(output) as JsonValue; // JSON it is, whatever stands in it.
  } catch {
    return undefined;
  }
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
