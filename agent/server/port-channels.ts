/**
 * Port-forward by plain WebSocket messages, for clients other than kubectl: of the i-th port, channel
 * 2i carries the data and 2i+1 what went wrong; each begins with the port's number in two bytes,
 * little end first. A client cannot say that it is done without closing everything.
 * Source: Kubernetes, kubelet portforward/websocket.go.
 */
import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import { Backpressure } from './backpressure.ts';
import type { Dial } from './pod-port.ts';
import { sendBinary, toBuffer } from './websocket.ts';

/** Resolves when all connections are over, or the client has gone. */
export async function servePortChannels(
  client: WebSocket,
  ports: readonly number[],
  dial: Dial,
  signal: AbortSignal,
): Promise<void> {
  const backpressure = new Backpressure(client);
  const inbounds = ports.map(() => new PassThrough().on('error', () => undefined));
  client.on('message', (data) => {
    const message = toBuffer(data);
    const channel = message[0] ?? 1;
    const inbound = inbounds[channel / 2];
    if (inbound !== undefined) backpressure.write(inbound, message.subarray(1));
  });
  try {
    await Promise.all(
      inbounds.map((inbound, index) => {
        const send = (kind: 0 | 1, data: Uint8Array) =>
          sendBinary(client, Buffer.concat([Buffer.of(index * 2 + kind), data]));
        return forward({ inbound, port: ports[index] ?? 0, send, dial, signal });
      }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const inbound of inbounds) inbound.destroy();
  }
  client.close(1000);
}

interface Forwarding {
  readonly inbound: PassThrough;
  readonly port: number;
  readonly send: (kind: 0 | 1, data: Uint8Array) => Promise<void>;
  readonly dial: Dial;
  readonly signal: AbortSignal;
}

async function forward({ inbound, port, send, dial, signal }: Forwarding): Promise<void> {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  await send(0, number);
  await send(1, number);
  try {
    const socket = await dial(port, { signal });
    socket.once('close', () => inbound.destroy());
    inbound.pipe(socket);
    for await (const chunk of socket) await send(0, chunk);
  } catch (error) {
    inbound.destroy();
    if (signal.aborted) return;
    await send(1, Buffer.from(error instanceof Error ? error.message : String(error)));
  }
}
