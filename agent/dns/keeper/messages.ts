/** What agent and keeper of names say to each other: one line of JSON each, over a socket of the machine. */
import type { Socket } from 'node:net';
import type { DhcpLease } from '../../dhcp/message.ts';
import type { PlaceState } from '../dns-server.ts';
import type { Known } from '../zone.ts';

/** By `namespace/name`. */
export type NamedAddresses = Readonly<Record<string, readonly string[]>>;

/** An address where names are asked for, and who is asked about those of others. */
export interface ServedPlace {
  readonly address: string;
  readonly upstream: readonly string[];
}

/** What the node knows by itself, whatever the control plane does. */
export interface OwnNames {
  /** Of this node; without any nobody asks once the agent has gone. */
  readonly instances: number;
  readonly names: NamedAddresses;
  /** Of workloads, those members that are here: better than nothing, and worse than what the plane has said. */
  readonly partly: NamedAddresses;
}

export type ToKeeper =
  | { readonly type: 'hello' }
  | { readonly type: 'places'; readonly places: readonly ServedPlace[] }
  | { readonly type: 'own'; readonly own: OwnNames }
  | { readonly type: 'leases'; readonly leases: readonly DhcpLease[] }
  | { readonly type: 'found'; readonly id: number; readonly known: Known }
  /** Answer on for a moment, and leave the socket to the next keeper. */
  | { readonly type: 'replace' }
  | { readonly type: 'quit' };

export type FromKeeper =
  | { readonly type: 'hello'; readonly build: string }
  | {
      readonly type: 'find';
      readonly id: number;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly type: 'states'; readonly states: Readonly<Record<string, PlaceState>> };

/** Longer lines are nobody's. */
const lineBytesMax = 16 << 20;

export function say<Message extends ToKeeper | FromKeeper>(socket: Socket, message: Message): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `on` with each message that comes; one that is none ends the connection. */
export function listen<Message extends ToKeeper | FromKeeper>(
  socket: Socket,
  on: (message: Message) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineBytesMax) socket.destroy();
    for (const line of lines) {
      try {
        // Both ends are ours, of one version from `hello` on.
        on(JSON.parse(line) as Message);
      } catch {
        socket.destroy();
        return;
      }
    }
  });
}
