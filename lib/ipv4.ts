/** Addresses of IPv4 as numbers. Pure. */

/** From one address to another, both included. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

export interface Cidr extends AddressRange {
  readonly prefixLength: number;
}

const whole = 2 ** 32;

/** `10.0.0.7` as a number; undefined for what is none. No leading zeros: some read them as octal. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatIpv4(address: number): string {
  return bytesOf(address).join('.');
}

/** `10.0.0.0/24`; undefined for what is none. An address within it will do: `10.0.0.7/24` is the same. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIpv4(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^\d{1,2}$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 32 || String(prefixLength) !== length) return undefined;
  const size = whole / 2 ** prefixLength;
  const first = address - (address % size);
  return { first, last: first + size - 1, prefixLength };
}

/** Locally administered, and made of the address: whoever has the one has the other. */
export function macOfIpv4(address: number): string {
  const hex = (byte: number) => byte.toString(16).padStart(2, '0');
  return ['02', 'be', ...bytesOf(address).map(hex)].join(':');
}

function bytesOf(address: number): readonly number[] {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
}
