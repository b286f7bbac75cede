import type { JsonValue } from '../../api/meta.ts';
import type { Devices, HostPort, StructuredDimension } from './dimension.ts';

/**
 * Ports of the node itself. The address 0.0.0.0 is all addresses; two instances may share a number when protocol or
 * address differ.
 */
export const hostPorts: StructuredDimension<readonly HostPort[], readonly HostPort[]> = {
  type: 'structured',
  name: 'hostPorts',
  parse: (claim) => (claim.hostPorts.length === 0 ? undefined : claim.hostPorts),
  read: (stored) => (isPorts(stored) ? stored : undefined),
  create: () => portTable(),
};

function isPorts(stored: JsonValue): stored is readonly HostPort[] {
  if (!Array.isArray(stored)) return false;
  return stored.every(
    (entry) =>
      typeof entry?.port === 'number' &&
      typeof entry.protocol === 'string' &&
      typeof entry.hostIP === 'string',
  );
}

const anyAddress = '0.0.0.0';

function portTable(): Devices<readonly HostPort[], readonly HostPort[]> {
  /** By protocol and number: how often each address holds it (more than once only by force). */
  const taken = new Map<string, Map<string, number>>();
  const slot = ({ protocol, port }: HostPort) => `${protocol}/${port}`;

  const isTaken = (port: HostPort): boolean => {
    const addresses = taken.get(slot(port));
    if (addresses === undefined) return false;
    return port.hostIP === anyAddress || addresses.has(anyAddress) || addresses.has(port.hostIP);
  };
  const add = (port: HostPort, by: 1 | -1): void => {
    const addresses = taken.get(slot(port)) ?? new Map<string, number>();
    const left = (addresses.get(port.hostIP) ?? 0) + by;
    if (left > 0) addresses.set(port.hostIP, left);
    else addresses.delete(port.hostIP);
    if (addresses.size > 0) taken.set(slot(port), addresses);
    else taken.delete(slot(port));
  };
  const fits = (need: readonly HostPort[]) => !need.some(isTaken);

  return {
    fits,
    count: (need) => (fits(need) ? 1 : 0),
    allocate: (need) => need,
    take: (ports) => {
      for (const port of ports) add(port, 1);
    },
    release: (ports) => {
      for (const port of ports) add(port, -1);
    },
    score: () => undefined,
    explain: (need) => {
      const clashes = need.filter(isTaken);
      if (clashes.length === 0) return undefined;
      const names = clashes.map(({ protocol, port }) => `${port}/${protocol}`);
      return {
        type: 'shortage',
        dimension: 'hostPorts',
        resource: names.join(', '),
        reason: "node(s) didn't have free ports for the requested pod ports",
        asked: need.length,
        free: need.length - clashes.length,
        missing: clashes.length,
        text: { asked: names.join(' and '), free: String(need.length - clashes.length) },
        remedy: `ask for other host ports than ${names.join(', ')}, or free them`,
      };
    },
  };
}
