/** The IPv4 addresses of an interface, also while nothing is plugged into it: a bridge without ports has no carrier. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { toNumber } from './ip.ts';

/** None when there is no such interface. `procNet` is for tests. */
export function interfaceAddresses(name: string, procNet = '/proc/net'): readonly string[] {
  // Knows only those that have a carrier.
  const known = (networkInterfaces()[name] ?? []).flatMap(({ family, address }) =>
    family === 'IPv4' ? address : [],
  );
  if (known.length > 0) return known;
  try {
    const routes = readFileSync(`${procNet}/route`, 'utf8');
    return addressesIn(name, routes, readFileSync(`${procNet}/fib_trie`, 'utf8'));
  } catch {
    return [];
  }
}

/** Addresses of this machine that lie in a segment which is reached by the interface. Pure. */
export function addressesIn(name: string, routes: string, trie: string): readonly string[] {
  const segments = routes.split('\n').flatMap((line) => {
    const [device, destination = '', gateway = '', , , , , mask = ''] = line.split(/\s+/);
    if (device !== name || gateway !== '00000000' || mask === '00000000') return [];
    return { network: littleEndian(destination), mask: littleEndian(mask) };
  });
  const own = new Set<string>();
  let last = '';
  for (const line of trie.split('\n')) {
    last = /\|-- (\S+)/.exec(line)?.[1] ?? last;
    if (line.includes('/32 host LOCAL')) own.add(last);
  }
  return [...own].filter((address) => {
    const number = toNumber(address);
    return segments.some(({ network, mask }) => (number & mask) >>> 0 === network);
  });
}

/** As the kernel prints addresses there. */
function littleEndian(hex: string): number {
  const bytes = hex.match(/../g)?.reverse().join('') ?? '0';
  return Number.parseInt(bytes, 16) >>> 0;
}
