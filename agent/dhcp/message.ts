/** What DHCP says to those whose address is known. Pure. Source: RFC 2131, RFC 2132. */

/** All that one interface of a guest is told; addresses are IPv4. */
export interface DhcpLease {
  readonly mac: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Of this node on the bridge: who answers. */
  readonly server: string;
  readonly gateway?: string;
  readonly dns: readonly string[];
  readonly hostname: string;
  readonly domain: string;
}

export interface DhcpAnswer {
  readonly message: Buffer;
  /** Who asked has an address already, and is reached at it. @default everybody on the bridge */
  readonly to?: string;
}

const type = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6, inform: 8 } as const;
const option = {
  subnet: 1,
  router: 3,
  dns: 6,
  hostname: 12,
  domain: 15,
  requested: 50,
  leaseTime: 51,
  messageType: 53,
  server: 54,
  end: 255,
} as const;

const headerBytes = 236;
const magic = 0x63825363;
/** Old clients take no less. */
const messageBytesMin = 300;
const dnsMax = 3;
/** The address is the guest's as long as it has that MAC: a guest must not lose it because nobody answers for a while. */
const forever = 0xffffffff;

/** The MAC of whoever asks; undefined for what is no question of this kind, or came by a relay. */
export function askingMac(message: Buffer): string | undefined {
  if (message.length < headerBytes + 4 || message.readUInt32BE(headerBytes) !== magic) return;
  const [op, hardware, length] = message;
  if (op !== 1 || hardware !== 1 || length !== 6 || message.readUInt32BE(24) !== 0) return;
  return [...message.subarray(28, 34)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** `message` has the MAC of `lease`; undefined when it is not for this server to answer. */
export function answerTo(message: Buffer, lease: DhcpLease): DhcpAnswer | undefined {
  const asked = optionsOf(message);
  const given = message.readUInt32BE(12);
  const has = given === 0 ? {} : { to: dotted(given) };
  switch (asked.get(option.messageType)?.[0]) {
    case type.discover:
      return { message: reply(message, type.offer, lease) };
    case type.request: {
      const chosen = addressIn(asked.get(option.server));
      if (chosen !== undefined && chosen !== lease.server) return undefined;
      const wanted = addressIn(asked.get(option.requested)) ?? has.to;
      if (wanted !== lease.address) return { message: reply(message, type.nak, lease) };
      return { message: reply(message, type.ack, lease), ...has };
    }
    case type.inform:
      return { message: reply(message, type.ack, lease, true), ...has };
    default:
      return undefined;
  }
}

function reply(asked: Buffer, kind: number, lease: DhcpLease, isInform = false): Buffer {
  const isGiven = kind !== type.nak && !isInform;
  const head = Buffer.alloc(headerBytes + 4);
  head.set([2, 1, 6, 0]);
  asked.copy(head, 4, 4, 8); // Which question it is the answer to.
  asked.copy(head, 10, 10, 12); // Its flags.
  if (kind === type.ack) asked.copy(head, 12, 12, 16);
  if (isGiven) head.set(bytesOf(lease.address), 16);
  asked.copy(head, 28, 28, 44);
  head.writeUInt32BE(magic, headerBytes);
  const parts = [
    head,
    part(option.messageType, [kind]),
    part(option.server, bytesOf(lease.server)),
    ...(kind === type.nak ? [] : settings(lease)),
    ...(isGiven ? [part(option.leaseTime, numberBytes(forever))] : []),
    Buffer.from([option.end]),
  ];
  const whole = Buffer.concat(parts);
  return Buffer.concat([whole, Buffer.alloc(Math.max(0, messageBytesMin - whole.length))]);
}

function settings({ prefixLength, gateway, dns, hostname, domain }: DhcpLease): readonly Buffer[] {
  const mask = prefixLength === 0 ? 0 : (forever << (32 - prefixLength)) >>> 0;
  const servers = dns.filter((each) => !each.includes(':')).slice(0, dnsMax);
  return [
    part(option.subnet, numberBytes(mask)),
    ...(gateway === undefined ? [] : [part(option.router, bytesOf(gateway))]),
    ...(servers.length === 0 ? [] : [part(option.dns, servers.flatMap(bytesOf))]),
    part(option.hostname, [...Buffer.from(hostname)]),
    part(option.domain, [...Buffer.from(domain)]),
  ];
}

function optionsOf(message: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = headerBytes + 4; at < message.length; ) {
    const code = message[at] ?? option.end;
    if (code === option.end) break;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = message[at + 1] ?? 0;
    found.set(code, message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return found;
}

/** Lengths are one byte; no name is longer. */
function part(code: number, bytes: readonly number[]): Buffer {
  const short = bytes.slice(0, 255);
  return Buffer.from([code, short.length, ...short]);
}

function addressIn(bytes: Buffer | undefined): string | undefined {
  return bytes?.length === 4 ? [...bytes].join('.') : undefined;
}

function bytesOf(address: string): readonly number[] {
  return address.split('.').map(Number);
}

function numberBytes(number: number): readonly number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number >>> 0);
  return [...bytes];
}

function dotted(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}
