/**
 * Tells guests their addresses by DHCP: those of instances of this node, known by their MAC, and nobody else. It
 * gives nothing away that was not reserved, and so remembers nothing.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { underAny } from '../../lib/under-any.ts';
import { answerTo, askingMac, type DhcpLease } from './message.ts';

export interface DhcpServerOptions {
  readonly clock: Clock;
  readonly log: Log;
}

const [serverPort, clientPort] = [67, 68];
const everybody = '255.255.255.255';
/** How often an address that is not there yet, or is another's, is tried again. */
const retryMs = 1_000;

export class DhcpServer {
  readonly #options: DhcpServerOptions;
  #leases: ReadonlyMap<string, DhcpLease> = new Map();
  /** By address: questions come to that of everybody, answers go out by the one on the bridge. */
  readonly #sockets = new Map<string, Socket>();
  readonly #refused = new Set<string>();
  #wake: AbortController | undefined;

  constructor(options: DhcpServerOptions) {
    this.#options = options;
  }

  setLeases(leases: readonly DhcpLease[]): void {
    this.#leases = new Map(leases.map((lease) => [lease.mac, lease]));
    this.#wake?.abort();
  }

  /** Until `signal` aborts. While nobody has a lease nothing listens. */
  async run({ signal }: CallOptions): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const waking = [signal, this.#wake.signal];
      const isWhole = await this.#bindAll();
      const restMs = isWhole ? 2 ** 31 - 1 : retryMs;
      await underAny(waking, (any) => clock.sleep(restMs, any)).catch(() => undefined);
    }
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  async #bindAll(): Promise<boolean> {
    const servers = [...this.#leases.values()].map(({ server }) => server);
    const wanted = new Set(servers.length === 0 ? [] : [everybody, ...servers]);
    for (const [address, socket] of this.#sockets) {
      if (wanted.has(address)) continue;
      socket.close();
      this.#sockets.delete(address);
    }
    for (const address of wanted) if (!this.#sockets.has(address)) await this.#bind(address);
    return this.#sockets.size === wanted.size;
  }

  async #bind(address: string): Promise<void> {
    const { log } = this.#options;
    try {
      const socket = await bound(address);
      socket.on('message', (message) => this.#answer(message));
      socket.on('error', (error) => log.warn({ err: error, address }, 'server of addresses'));
      this.#sockets.set(address, socket);
      this.#refused.delete(address);
    } catch (error) {
      if (!this.#refused.has(address)) {
        log.warn({ err: error, address, port: serverPort }, 'addresses are not told here');
      }
      this.#refused.add(address);
    }
  }

  #answer(message: Buffer): void {
    const lease = this.#leases.get(askingMac(message) ?? '');
    const answer = lease === undefined ? undefined : answerTo(message, lease);
    if (lease === undefined || answer === undefined) return;
    // The kernel sends by the interface that has the address of this socket.
    const socket = this.#sockets.get(lease.server);
    socket?.send(answer.message, clientPort, answer.to ?? everybody, () => undefined);
  }
}

/** Others may listen there too, each for its own bridge: all of them hear what is said to everybody. */
function bound(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port: serverPort, exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.setBroadcast(true);
      resolve(socket);
    });
  });
}
