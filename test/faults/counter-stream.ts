/** One TCP connection to an echo that counts for as long as it is open: no number may be lost. */
import { connect, type Socket } from 'node:net';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { until } from '../e2e/until.ts';

/** Seldom enough for a guest whose processor is emulated: every number is a packet there and one back. */
const everyMs = 40;

export class CounterStream {
  readonly #socket: Duplex;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #seen = 0;
  #rest = '';
  #wrong: string | undefined;

  private constructor(socket: Duplex) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('close', () => this.#fail('the connection was closed'));
    socket.on('error', (error) => this.#fail(String(error)));
    this.#timer = setInterval(() => {
      socket.write(`${this.#sent}\n`);
      this.#sent += 1;
    }, everyMs);
  }

  static async open(host: string, port: number): Promise<CounterStream> {
    return new CounterStream(await until('the echo answers', () => dial(host, port)));
  }

  /** Over a program that carries its input to the echo and prints the answers, such as `nc`. */
  static over({ stdin, stdout }: { readonly stdin: Writable; readonly stdout: Readable }) {
    return new CounterStream(Duplex.from({ readable: stdout, writable: stdin }));
  }

  /** How many came back by now. */
  get seen(): number {
    return this.#seen;
  }

  /** What went wrong by now. */
  get wrong(): string | undefined {
    return this.#wrong;
  }

  /** Throws unless every number sent came back, in order, on a connection that is still open. */
  async close(): Promise<number> {
    clearInterval(this.#timer);
    await until('all numbers are back', () => {
      return this.#wrong !== undefined || this.#seen === this.#sent;
    });
    const wrong = this.#wrong;
    this.#socket.destroy();
    if (wrong !== undefined) throw new Error(`after ${this.#seen} numbers: ${wrong}`);
    return this.#seen;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== String(this.#seen)) this.#fail(`${line} came in the place of ${this.#seen}`);
      this.#seen += 1;
    }
  }

  #fail(why: string): void {
    this.#wrong ??= why;
    clearInterval(this.#timer);
  }
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
