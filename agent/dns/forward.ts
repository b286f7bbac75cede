/** Passes questions about others' names on to the servers that know them, as they are. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { CallOptions } from '../../lib/call.ts';
import { underAny } from '../../lib/under-any.ts';

/** How long one server may take before the next one is asked. */
const serverMs = 2_000;
const lengthBytes = 2;

export type Transport = 'udp' | 'tcp';

/** The first answer; `undefined` when no server answers in time. */
export type Forward = (
  message: Buffer,
  servers: readonly string[],
  transport: Transport,
  options: CallOptions,
) => Promise<Buffer | undefined>;

export function createForward(port = 53): Forward {
  return async (message, servers, transport, { signal }) => {
    const ask = transport === 'udp' ? askUdp : askTcp;
    for (const server of servers) {
      const ends = [signal, AbortSignal.timeout(serverMs)];
      try {
        return await underAny(ends, (any) => ask(message, { server, port }, any));
      } catch {
        if (signal.aborted) return undefined;
      }
    }
    return undefined;
  };
}

interface Target {
  readonly server: string;
  readonly port: number;
}

function askUdp(message: Buffer, { server, port }: Target, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Its port is new each time, which is what makes a forged answer hard.
    const socket = createSocket({ type: server.includes(':') ? 'udp6' : 'udp4', signal });
    const end = (settle: () => void) => {
      socket.removeAllListeners('close');
      socket.close();
      settle();
    };
    socket.on('close', () => reject(signal.reason));
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (answer) => {
      // Connected: only this server's come here, and only this question's count.
      if (answer.length >= 12 && answer.readUInt16BE(0) === message.readUInt16BE(0)) {
        end(() => resolve(answer));
      }
    });
    socket.connect(port, server, () => socket.send(message));
  });
}

function askTcp(message: Buffer, { server, port }: Target, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server, port, signal });
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${server} has closed the connection`)));
    socket.on('connect', () => socket.write(framed(message)));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const [answer] = unframed(received).messages;
      if (answer === undefined) return;
      resolve(answer);
      socket.destroy();
    });
  });
}

/** By TCP a message comes after its length. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The messages that are there as a whole, and what is left of the next one. */
export function unframed(received: Buffer): { messages: readonly Buffer[]; rest: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (received.length - at >= lengthBytes) {
    const end = at + lengthBytes + received.readUInt16BE(at);
    if (received.length < end) break;
    messages.push(received.subarray(at + lengthBytes, end));
    at = end;
  }
  return { messages, rest: received.subarray(at) };
}
