/**
 * Posts ready-made bodies over kept-alive TLS connections, each with one request at a time. It shares the machine with what it
 * measures, so it does no more than it must: no agents, no streams, only the status of each answer is looked at.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { HttpsTransportOptions } from '../../client/https-transport.ts';

export interface Post {
  readonly path: string;
  readonly body: string;
}

const retryMs = 100;
/** Already there: an earlier attempt was carried out though no answer came in time. */
const done = new Set([201, 409]);
const later = new Set([429, 500, 503, 504]);

/** Posts all, as many at a time as there are `connections`; throws at an answer that no repetition mends. */
export async function postAll(
  options: HttpsTransportOptions,
  posts: readonly Post[],
  connections: number,
): Promise<void> {
  const requests = posts.map((post) => encode(options, post));
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await open(options);
      for (let i = next++; i < requests.length; i = next++) {
        const request = requests[i];
        if (request !== undefined) await untilDone(connection, request);
      }
      connection.close();
    }),
  );
}

function encode({ server, token }: HttpsTransportOptions, { path, body }: Post): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${new URL(server).host}`,
    'Content-Type: application/json',
    'Accept: application/json',
    'User-Agent: berth-bench',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

async function untilDone(connection: Connection, request: Buffer): Promise<void> {
  for (;;) {
    const { status, text } = await connection.ask(request);
    if (done.has(status)) return;
    if (!later.has(status)) throw new Error(`answered ${status}: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

async function open({ server, ca, cert, key }: HttpsTransportOptions): Promise<Connection> {
  const { hostname: host, port } = new URL(server);
  const socket = connect({ host, port: Number(port), ca, cert, key, ALPNProtocols: ['http/1.1'] });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', () => resolve());
    socket.once('error', reject);
  });
  return new Connection(socket);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

class Connection {
  readonly #socket: TLSSocket;
  #received = '';
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    // One byte is one character, so that lengths are those of the header.
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  ask(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    this.#received += chunk;
    const head = this.#received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received);
    if (length === null || length.index > head) throw new Error('an answer without its length');
    const end = head + 4 + Number(length[1]);
    if (this.#received.length < end) return;
    const status = Number(this.#received.slice(9, 12));
    const text = this.#received.slice(head + 4, end);
    this.#received = this.#received.slice(end);
    this.#waiting?.resolve({ status, text });
  }
}
