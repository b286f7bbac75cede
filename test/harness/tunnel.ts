/** A client for port-forward as kubectl is one: SPDY/3.1 frames inside a WebSocket. */
import { WebSocket } from 'ws';
import { encodeFrame, type Frame, FrameReader } from '../../lib/spdy/frames.ts';
import { HeaderReader, HeaderWriter } from '../../lib/spdy/header-block.ts';

export const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';

/** What has come on one stream. */
export interface Received {
  text: string;
  replied: boolean;
  ended: boolean;
  reset: number | undefined;
}

export class Tunnel {
  readonly socket: WebSocket;
  readonly pongs: number[] = [];
  /** Resolves with the close code; rejects when the upgrade is refused. */
  readonly closed: Promise<number>;
  readonly #writer = new HeaderWriter();
  readonly #reader = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #streams = new Map<number, Received>();
  readonly #waiting = new Set<() => void>();
  #unpacked: Promise<unknown> = Promise.resolve();
  #lastId = -1;

  constructor(
    url: string,
    tls: { readonly ca: string; readonly cert: string; readonly key: string },
  ) {
    // The library refuses to ask for a name with a slash, and to be answered it.
    const headers = { 'sec-websocket-protocol': tunnelProtocol };
    this.socket = new WebSocket(url, [], { ...tls, headers });
    let answered: unknown;
    this.socket.on('upgrade', (response) => {
      answered = response.headers['sec-websocket-protocol'];
      delete response.headers['sec-websocket-protocol'];
    });
    this.socket.on('message', (data: Buffer) => {
      if (answered !== tunnelProtocol) throw new Error(`the protocol was ${answered}`);
      for (const frame of this.#reader.push(data)) this.#handle(frame);
      this.#wake();
    });
    this.closed = new Promise((resolve, reject) => {
      this.socket.once('close', resolve);
      this.socket.once('error', reject);
    });
    this.closed.catch(() => undefined);
    this.closed.finally(() => this.#wake()).catch(() => undefined);
  }

  async opened(): Promise<this> {
    await new Promise((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
    return this;
  }

  /** Its id. */
  open(headers: Readonly<Record<string, string>>, fin = false): number {
    this.#lastId += 2;
    const streamId = this.#lastId;
    const block = this.#writer.encode(new Map(Object.entries(headers)));
    this.send({ type: 'synStream', streamId, fin, block });
    return streamId;
  }

  /** Both streams of a connection, as kubectl opens them. */
  forward(port: number): { readonly error: number; readonly data: number } {
    const requestid = String(this.#lastId);
    const error = this.open({ streamtype: 'error', port: String(port), requestid });
    this.write(error, '', true);
    return { error, data: this.open({ streamtype: 'data', port: String(port), requestid }) };
  }

  write(streamId: number, data: string | Buffer, fin = false): void {
    this.send({ type: 'data', streamId, fin, data: Buffer.from(data) });
  }

  send(frame: Frame): void {
    this.socket.send(encodeFrame(frame));
  }

  of(streamId: number): Received {
    const known = this.#streams.get(streamId);
    if (known !== undefined) return known;
    const fresh: Received = { text: '', replied: false, ended: false, reset: undefined };
    this.#streams.set(streamId, fresh);
    return fresh;
  }

  /** Waits until it is so, or the connection has closed. */
  async until(is: () => boolean): Promise<void> {
    while (!is()) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error('the tunnel has closed');
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async ended(streamId: number): Promise<Received> {
    await this.until(() => this.of(streamId).ended || this.of(streamId).reset !== undefined);
    return this.of(streamId);
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case 'data':
        this.of(frame.streamId).text += Buffer.from(frame.data).toString('latin1');
        if (frame.fin) this.of(frame.streamId).ended = true;
        return;
      case 'synReply':
        this.of(frame.streamId).replied = true;
        // One after the other: each builds on the one before.
        this.#unpacked = this.#unpacked.then(() => this.#headers.read(frame.block));
        return;
      case 'reset':
        this.of(frame.streamId).reset = frame.status;
        return;
      case 'ping':
        this.pongs.push(frame.id);
        return;
      default:
        throw new Error(`a server does not send ${frame.type}`);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
