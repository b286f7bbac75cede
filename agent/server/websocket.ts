/** What all WebSockets of the node's server have in common. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { badRequest } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';

/** No message of a client may be longer. */
export const messageMaxBytes = 4 << 20;

/** How soon it is found that a client has gone without a word while nothing is read from it. */
const keepAliveMs = 15_000;

/** An upgrade request as Node hands it over. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** The protocols that the client offers; refuses what is no WebSocket, such as SPDY. */
export function readProtocols({ headers }: IncomingMessage, kubectlVersion: string): string[] {
  if (headers.upgrade?.toLowerCase() !== 'websocket') {
    throw badRequest(
      `this server streams over WebSocket only: use kubectl ${kubectlVersion} or newer ` +
        '(older ones need SPDY, which is not offered)',
    );
  }
  return (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** Aborts when the client has gone. */
export function goneSignal(client: WebSocket, clock: Clock): AbortSignal {
  const gone = new AbortController();
  client.once('close', () => gone.abort(new Error('the client has gone')));
  client.on('error', () => client.terminate());
  void (async () => {
    while (!gone.signal.aborted) {
      await clock.sleep(keepAliveMs, gone.signal).catch(() => undefined);
      // A write to a broken connection closes it; the answer is of no interest.
      if (!gone.signal.aborted) client.ping(() => undefined);
    }
  })();
  return gone.signal;
}

/** Resolves when the message has been handed to the network: its source waits until then. */
export function sendBinary(client: WebSocket, message: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    client.send(message, { binary: true }, (error) => (error ? reject(error) : resolve()));
  });
}

export function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
