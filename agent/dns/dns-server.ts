/** Answers names of instances, reservations and workloads, and passes all others on. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { underAny } from '../../lib/under-any.ts';
import { type Forward, framed, type Transport, unframed } from './forward.ts';
import { answerTo, askedFor, failureOf, fitting, type Known, readQuery } from './zone.ts';

export interface DnsServerOptions {
  readonly find: (namespace: string, name: string, options: CallOptions) => Promise<Known>;
  readonly forward: Forward;
  readonly clock: Clock;
  readonly log: Log;
  /** Told whenever it is served at one more address, or found out that it cannot be. */
  readonly onState?: () => void;
  /** How soon an address where it could not be served is tried again. @default 1 s */
  readonly retryMs?: () => number;
  /** @default 53 */
  readonly port?: number;
}

export type PlaceState = 'waiting' | 'serving' | 'refused';

/** How often an address that is not there yet, or is another's, is tried again. */
const retryMs = 1_000;
/** Questions that are answered at once; what comes beyond is lost, and asked again by whoever asks. */
const questionsMax = 1_000;
const connectionsMax = 100;
const connectionIdleMs = 10_000;
/** More than that nobody sends as one question. */
const streamBytesMax = 1 << 17;

interface Place {
  /** Asked about others' names by whoever asks here. */
  upstream: () => readonly string[];
  state: PlaceState;
  /** Somebody else listens there. */
  isTaken?: boolean;
  udp?: Socket;
  tcp?: Server;
}

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #places = new Map<string, Place>();
  #questions = 0;
  #wake: AbortController | undefined;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Serves on this address from when it is there. */
  listenOn(address: string, upstream: () => readonly string[]): void {
    const place = this.#places.get(address);
    if (place !== undefined) place.upstream = upstream;
    else {
      this.#places.set(address, { upstream, state: 'waiting' });
      this.#wake?.abort();
    }
  }

  /** Undefined where it is not to be served. */
  stateOf(address: string): PlaceState | undefined {
    return this.#places.get(address)?.state;
  }

  isTaken(address: string): boolean {
    return this.#places.get(address)?.isTaken === true;
  }

  /** Where it is served there; `undefined` when it is not. */
  portOf(address: string): number | undefined {
    const place = this.#places.get(address);
    return place?.state === 'serving' ? place.udp?.address().port : undefined;
  }

  /** Until `signal` aborts; then nothing listens any more. */
  async run({ signal }: CallOptions): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        this.#wake = new AbortController();
        const waking = [signal, this.#wake.signal];
        await this.#bindAll(signal);
        const restMs = this.#options.retryMs?.() ?? retryMs;
        await underAny(waking, (any) => clock.sleep(restMs, any)).catch(() => undefined);
      }
    } finally {
      for (const place of this.#places.values()) close(place);
    }
  }

  /** Every address where nothing is served yet. */
  async #bindAll(signal: AbortSignal): Promise<void> {
    for (const [address, place] of this.#places) {
      if (place.state !== 'serving') await this.#bind(address, place, signal);
    }
  }

  async #bind(address: string, place: Place, signal: AbortSignal): Promise<void> {
    const { log, port = 53 } = this.#options;
    try {
      place.udp = await bindUdp(address, port);
      place.udp.on('message', (message, { address: to, port: toPort }) => {
        void this.#answer(message, place, 'udp', signal).then((answer) => {
          if (answer !== undefined) place.udp?.send(answer, toPort, to, () => undefined);
        });
      });
      place.udp.on('error', (error) => log.warn({ err: error, address }, 'server of names'));
      // Where the system has chosen, both are to have the same.
      const chosen = place.udp.address().port;
      place.tcp = await bindTcp(address, chosen, (socket) => this.#talk(socket, place, signal));
      place.state = 'serving';
      place.isTaken = false;
      log.info({ address, port: chosen }, 'names are served');
    } catch (error) {
      close(place);
      const { code } = error as NodeJS.ErrnoException; // What `listen` and `bind` fail with.
      const isRefused = code !== 'EADDRNOTAVAIL';
      if (isRefused && place.state !== 'refused') {
        log.warn({ err: error, address, port }, 'names are not served here');
      }
      place.isTaken = code === 'EADDRINUSE';
      place.state = isRefused ? 'refused' : 'waiting';
    }
    this.#options.onState?.();
  }

  #talk(socket: TcpSocket, place: Place, signal: AbortSignal): void {
    let received = Buffer.alloc(0);
    socket.setTimeout(connectionIdleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const { messages, rest } = unframed(Buffer.concat([received, chunk]));
      received = Buffer.from(rest);
      if (received.length > streamBytesMax) socket.destroy();
      for (const message of messages) {
        void this.#answer(message, place, 'tcp', signal).then((answer) => {
          if (answer === undefined) socket.destroy();
          else if (!socket.destroyed) socket.write(framed(answer));
        });
      }
    });
  }

  async #answer(
    message: Buffer,
    { upstream }: Place,
    transport: Transport,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const query = readQuery(message);
    if (query === undefined || this.#questions >= questionsMax) return undefined;
    this.#questions += 1;
    try {
      const asked = askedFor(query);
      if (asked.type === 'foreign') {
        const { forward } = this.#options;
        return (await forward(message, upstream(), transport, { signal })) ?? failureOf(query);
      }
      const known =
        asked.type === 'nothing'
          ? ({ type: 'absent' } as const)
          : await this.#options.find(asked.namespace, asked.name, { signal });
      const answer = answerTo(query, known);
      return transport === 'udp' ? fitting(query, answer) : answer;
    } catch (error) {
      this.#options.log.debug({ err: error }, 'question not answered');
      return undefined;
    } finally {
      this.#questions -= 1;
    }
  }
}

function close(place: Place): void {
  place.udp?.removeAllListeners();
  place.udp?.close();
  place.tcp?.close();
  delete place.udp;
  delete place.tcp;
}

function bindUdp(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function bindTcp(
  host: string,
  port: number,
  onConnection: (socket: TcpSocket) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.maxConnections = connectionsMax;
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}
