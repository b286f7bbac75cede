/**
 * Addresses, networks and URLs.
 * Source: Kubernetes `apiserver/pkg/cel/library/{ip,cidr,urls}.go`, Go's `net/netip` and `net/url`.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { type Cost, declare, type Overload, traversal } from '../functions.ts';
import { CelError, ListValue, MapValue, type Opaque } from '../values.ts';

export class Ip implements Opaque {
  readonly typeName = 'net.IP';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  get family(): bigint {
    return this.bytes.length === 4 ? 4n : 6n;
  }

  equals(other: Ip): boolean {
    return Buffer.compare(this.bytes, other.bytes) === 0;
  }

  toString(): string {
    if (this.bytes.length === 4) return this.bytes.join('.');
    return shortest(this.bytes);
  }
}

class Cidr implements Opaque {
  readonly typeName = 'net.CIDR';
  readonly ip: Ip;
  readonly bits: number;

  constructor(ip: Ip, bits: number) {
    this.ip = ip;
    this.bits = bits;
  }

  get size(): number {
    return Math.ceil(this.bits / 8);
  }

  equals(other: Cidr): boolean {
    return this.bits === other.bits && this.ip.equals(other.ip);
  }

  masked(): Cidr {
    const bytes = this.ip.bytes.map((byte, i) => {
      const kept = Math.max(0, Math.min(8, this.bits - i * 8));
      return byte & (0xff << (8 - kept)) & 0xff;
    });
    return new Cidr(new Ip(bytes), this.bits);
  }

  contains({ bytes }: Ip): boolean {
    if (bytes.length !== this.ip.bytes.length) return false;
    return new Cidr(new Ip(bytes), this.bits).masked().equals(this.masked());
  }

  containsNetwork(other: Cidr): boolean {
    return this.contains(other.masked().ip) && other.bits >= this.bits;
  }

  toString(): string {
    return `${this.ip}/${this.bits}`;
  }
}

/** RFC 5952: the longest run of zeros is left out. */
function shortest(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0)).toString(16),
  );
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i += 1) {
    let length = 0;
    while (groups[i + length] === '0') length += 1;
    if (length > best.length) best = { at: i, length };
  }
  if (best.at < 0) return groups.join(':');
  const after = groups.slice(best.at + best.length).join(':');
  return `${groups.slice(0, best.at).join(':')}::${after}`;
}

function addressBytes(text: string): Uint8Array | string {
  if (isIPv4(text)) return new Uint8Array(text.split('.').map(Number));
  if (text.includes('%')) return 'IPv6 address with zone value is not allowed';
  if (!isIPv6(text)) return `ParseAddr(${JSON.stringify(text)}): unable to parse IP`;
  const bytes = ipv6Bytes(text);
  const mapped = bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return mapped ? 'IPv4-mapped IPv6 address is not allowed' : bytes;
}

function ipv6Bytes(text: string): Uint8Array {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return new Uint8Array(
    groups.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

function parseIp(text: string): Ip {
  const bytes = addressBytes(text);
  if (typeof bytes !== 'string') return new Ip(bytes);
  const why = bytes.startsWith('ParseAddr') ? bytes : `${bytes}`;
  throw new CelError(
    `IP Address ${JSON.stringify(text)} parse error during conversion from string: ${why}`,
  );
}

function parseCidr(text: string): Cidr {
  const [address = '', bits = '', more] = text.split('/');
  const bytes = addressBytes(address);
  const valid = more === undefined && typeof bytes !== 'string' && /^(0|[1-9]\d{0,2})$/.test(bits);
  if (valid && Number(bits) <= bytes.length * 8) return new Cidr(new Ip(bytes), Number(bits));
  throw new CelError(
    `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no valid prefix`,
  );
}

function succeeds(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  };
}

const once = { cost: traversal() };
const contained: Cost = ([cidr = 1]) => Math.ceil(cidr * 2 * 0.1);
const containedText: Cost = ([cidr = 1, text = 1]) =>
  Math.ceil(cidr * 2 * 0.1) + Math.ceil(text * 0.1);
const containedNetwork: Cost = (sizes) => contained(sizes, 0) + 1;
const containedNetworkText: Cost = (sizes) => containedText(sizes, 0) + 1;

export const netLibrary: readonly Overload[] = [
  declare('ip(string): net.IP', parseIp, once),
  declare('isIP(string): bool', succeeds(parseIp), once),
  declare('ip.isCanonical(string): bool', (text: string) => parseIp(text).toString() === text, {
    cost: traversal(2),
  }),
  declare('string(net.IP): string', (ip: Ip) => ip.toString()),
  declare('<net.IP>.family(): int', (ip: Ip) => ip.family),
  ...classes(),
  declare('cidr(string): net.CIDR', parseCidr, once),
  declare('isCIDR(string): bool', succeeds(parseCidr), once),
  declare('string(net.CIDR): string', (cidr: Cidr) => cidr.toString()),
  declare('<net.CIDR>.ip(): net.IP', ({ ip }: Cidr) => ip),
  declare('<net.CIDR>.masked(): net.CIDR', (cidr: Cidr) => cidr.masked()),
  declare('<net.CIDR>.prefixLength(): int', ({ bits }: Cidr) => BigInt(bits)),
  declare('<net.CIDR>.containsIP(net.IP): bool', (cidr: Cidr, ip: Ip) => cidr.contains(ip), {
    cost: contained,
  }),
  declare(
    '<net.CIDR>.containsIP(string): bool',
    (cidr: Cidr, ip: string) => cidr.contains(parseIp(ip)),
    { cost: containedText },
  ),
  declare(
    '<net.CIDR>.containsCIDR(net.CIDR): bool',
    (cidr: Cidr, other: Cidr) => cidr.containsNetwork(other),
    { cost: containedNetwork },
  ),
  declare(
    '<net.CIDR>.containsCIDR(string): bool',
    (cidr: Cidr, other: string) => cidr.containsNetwork(parseCidr(other)),
    { cost: containedNetworkText },
  ),
  ...urls(),
];

/** What an address is for, by its first bytes. */
function classes(): Overload[] {
  const starts = ({ bytes }: Ip, four: readonly number[], six: readonly number[]) =>
    (bytes.length === 4 ? four : six).every((byte, i) => bytes[i] === byte);
  const method = (name: string, holds: (ip: Ip) => boolean) =>
    declare(`<net.IP>.${name}(): bool`, holds);
  const isLocal = (ip: Ip) =>
    ip.bytes.length === 4
      ? starts(ip, [169, 254], [])
      : ip.bytes[0] === 0xfe && ((ip.bytes[1] ?? 0) & 0xc0) === 0x80;
  const isMulticast = ({ bytes }: Ip) =>
    bytes.length === 4 ? ((bytes[0] ?? 0) & 0xf0) === 0xe0 : bytes[0] === 0xff;
  const isLocalMulticast = ({ bytes }: Ip) =>
    bytes.length === 4
      ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
      : bytes[0] === 0xff && ((bytes[1] ?? 0) & 0x0f) === 2;
  const isUnspecified = ({ bytes }: Ip) => bytes.every((byte) => byte === 0);
  const isLoopback = ({ bytes }: Ip) =>
    bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
  return [
    method('isUnspecified', isUnspecified),
    method('isLoopback', isLoopback),
    method('isLinkLocalMulticast', isLocalMulticast),
    method('isLinkLocalUnicast', isLocal),
    method('isGlobalUnicast', (ip) => {
      const broadcast = ip.bytes.length === 4 && ip.bytes.every((byte) => byte === 255);
      const other = isUnspecified(ip) || isLoopback(ip) || isMulticast(ip) || isLocal(ip);
      return !broadcast && !other;
    }),
  ];
}

class UrlValue implements Opaque {
  readonly typeName = 'kubernetes.URL';
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: MapValue;

  constructor(text: string, parts: UrlParts) {
    this.text = text;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
    const match = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(parts.host);
    this.hostname = (match?.[1] ?? parts.host).replace(/^\[(.*)\]$/, '$1');
    this.port = match?.[2] ?? '';
  }

  equals(other: UrlValue): boolean {
    return this.text === other.text;
  }
}

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: MapValue;
}

/** Go's ParseRequestURI: an absolute URI or an absolute path; what follows a `#` is left out. */
function parseUrl(text: string): UrlValue {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s.exec(
    text.replace(/#.*$/s, ''),
  );
  const [, scheme = '', authority = '', path = '', query = ''] = match ?? [];
  const host = authority.replace(/^.*@/, '');
  const wellFormed =
    match !== null &&
    (scheme !== '' || path.startsWith('/')) &&
    !/[\p{Cc} ]/u.test(scheme + authority) &&
    !/\p{Cc}/u.test(text) &&
    /^(\[[0-9a-fA-F:.%]+\]|[^:[\]\\]*)(:\d*)?$/.test(host) &&
    !/%(?![0-9a-fA-F]{2})/.test(path + host);
  if (!wellFormed || (scheme === '' && authority !== ''))
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  const escaped = path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, (char) =>
    encodeURIComponent(char),
  );
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(query)) {
    const known = values.get(name) ?? [];
    known.push(value);
    values.set(name, known);
  }
  const entries = [...values].map(([name, list]) => [name, new ListValue(list)] as const);
  return new UrlValue(text, {
    scheme: scheme.toLowerCase(),
    host: decodeURIComponent(host),
    path: escaped,
    query: new MapValue(entries),
  });
}

function urls(): Overload[] {
  const part = (name: string, read: (url: UrlValue) => string) =>
    declare(`<kubernetes.URL>.${name}(): string`, read);
  return [
    declare('url(string): kubernetes.URL', parseUrl, once),
    declare('isURL(string): bool', succeeds(parseUrl), once),
    part('getScheme', ({ scheme }) => scheme),
    part('getHost', ({ host }) => host),
    part('getHostname', ({ hostname }) => hostname),
    part('getPort', ({ port }) => port),
    part('getEscapedPath', ({ path }) => path),
    declare(
      '<kubernetes.URL>.getQuery(): map(string, list(string))',
      ({ query }: UrlValue) => query,
    ),
  ];
}
