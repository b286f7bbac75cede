/**
 * SPDY/3.1 inside a WebSocket, as kubectl 1.31 and newer forward ports: for each connection a stream
 * for what went wrong and one for the data. Source: Kubernetes KEP-4006, kubelet portforward/httpstream.
 */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import {
  encodeFrame,
  type Frame,
  FrameReader,
  resetStatus,
  SpdyError,
} from '../../lib/spdy/frames.ts';
import { HeaderReader, type Headers, HeaderWriter } from '../../lib/spdy/header-block.ts';
import { Backpressure } from './backpressure.ts';
import type { Dial } from './pod-port.ts';
import { sendBinary, toBuffer } from './websocket.ts';

/** Two for each connection. */
const streamsMax = 1024;
/** What a connection may hold before the client must wait. */
const inboundMaxBytes = 256 << 10;

/** Resolves when the client has gone or `SpdyError` ended it. */
export async function serveTunnel(
  client: WebSocket,
  dial: Dial,
  signal: AbortSignal,
): Promise<void> {
  const tunnel = new Tunnel(client, dial);
  const backpressure = tunnel.backpressure;
  try {
    await new Promise<void>((resolve, reject) => {
      let pending = 0;
      let last = Promise.resolve();
      client.on('message', (data) => {
        pending += 1;
        backpressure.hold(tunnel);
        last = last
          .then(() => tunnel.receive(toBuffer(data)))
          .then(() => {
            pending -= 1;
            if (pending === 0) backpressure.release(tunnel);
          });
        last.catch(reject);
      });
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } catch (error) {
    if (!(error instanceof SpdyError) && !signal.aborted) throw error;
    client.close(1002, 'SPDY protocol error');
    client.resume();
  } finally {
    tunnel.close();
  }
}

/** One connection of the client, and ours to the pod. */
interface Forward {
  readonly requestId: string;
  readonly port: number;
  readonly inbound: PassThrough;
  readonly stop: AbortController;
  readonly streams: { error?: Stream; data?: Stream };
}

interface Stream {
  readonly id: number;
  readonly kind: 'error' | 'data';
  readonly forward: Forward;
  /** Who has said that nothing more will come. */
  ended: { we: boolean; they: boolean };
}

class Tunnel {
  readonly backpressure: Backpressure;
  readonly #client: WebSocket;
  readonly #dial: Dial;
  readonly #frames = new FrameReader();
  readonly #headers = new HeaderReader();
  readonly #writer = new HeaderWriter();
  readonly #streams = new Map<number, Stream>();
  /** By request id, while one of their streams is open. */
  readonly #forwards = new Map<string, Forward>();
  /** Those with a connection to the pod, or one in the making. */
  readonly #running = new Set<Forward>();
  #lastId = 0;

  constructor(client: WebSocket, dial: Dial) {
    this.#client = client;
    this.#dial = dial;
    this.backpressure = new Backpressure(client);
  }

  async receive(bytes: Buffer): Promise<void> {
    for (const frame of this.#frames.push(bytes)) await this.#handle(frame);
  }

  close(): void {
    this.#headers.close();
    for (const forward of [...this.#forwards.values(), ...this.#running]) end(forward);
    this.#forwards.clear();
    this.#streams.clear();
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'synStream':
        await this.#open(frame.streamId, frame.fin, await this.#headers.read(frame.block));
        return;
      case 'synReply':
      case 'headers':
        // Of no use, but the next block builds on it.
        await this.#headers.read(frame.block);
        return;
      case 'data': {
        const stream = this.#streams.get(frame.streamId);
        // It may have been reset while this was on its way.
        if (stream === undefined || stream.ended.they) return;
        const { inbound } = stream.forward;
        if (stream.kind === 'data') this.backpressure.write(inbound, frame.data);
        if (frame.fin) this.#theyEnded(stream);
        return;
      }
      case 'reset': {
        const stream = this.#streams.get(frame.streamId);
        if (stream !== undefined) await this.#wasReset(stream);
        return;
      }
      case 'ping':
        // Ours would be even.
        if (frame.id % 2 === 1) await this.#send(frame);
        return;
    }
  }

  async #open(id: number, fin: boolean, headers: Headers): Promise<void> {
    if (id % 2 === 0 || id <= this.#lastId) throw new SpdyError(`stream ${id} cannot be opened`);
    this.#lastId = id;
    const kind = headers.get('streamtype');
    const port = Number(headers.get('port'));
    const requestId = headers.get('requestid');
    const known = requestId === undefined ? undefined : this.#forwards.get(requestId);
    const isValid =
      (kind === 'error' || kind === 'data') &&
      requestId !== undefined &&
      Number.isInteger(port) &&
      port > 0 &&
      port < 65_536 &&
      (known === undefined || (known.port === port && known.streams[kind] === undefined));
    if (!isValid || this.#streams.size >= streamsMax) {
      const status = isValid ? resetStatus.refusedStream : resetStatus.protocolError;
      await this.#send({ type: 'reset', streamId: id, status });
      return;
    }
    const forward = known ?? newForward(requestId, port);
    this.#forwards.set(requestId, forward);
    const stream: Stream = { id, kind, forward, ended: { we: false, they: false } };
    this.#streams.set(id, stream);
    forward.streams[kind] = stream;
    const block = this.#writer.encode(new Map());
    await this.#send({ type: 'synReply', streamId: id, fin: false, block });
    if (fin) this.#theyEnded(stream);
    const { error, data } = forward.streams;
    if (error !== undefined && data !== undefined) {
      // Rejects only when the client has gone, which ends everything.
      this.#run(forward, error, data).catch(() => this.#client.terminate());
    }
  }

  async #run(forward: Forward, error: Stream, data: Stream): Promise<void> {
    const { port, inbound, stop } = forward;
    this.#running.add(forward);
    try {
      const socket = await this.#dial(port, { signal: stop.signal });
      socket.once('close', () => {
        this.#running.delete(forward);
        inbound.destroy();
      });
      inbound.pipe(socket);
      await this.#copy(socket, data);
    } catch (cause) {
      this.#running.delete(forward);
      inbound.destroy();
      if (stop.signal.aborted) return;
      const message = cause instanceof Error ? cause.message : String(cause);
      await this.#write(error, Buffer.from(message));
      await this.#weEnd(data);
    }
    await this.#weEnd(error);
  }

  /** What the pod says; one that cuts its connection cuts the client's, and no other. */
  async #copy(socket: Socket, data: Stream): Promise<void> {
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        await this.#write(data, chunk);
      }
      await this.#weEnd(data);
    } catch {
      socket.destroy();
      await this.#reset(data);
    }
  }

  #theyEnded(stream: Stream): void {
    stream.ended.they = true;
    if (stream.kind === 'data') stream.forward.inbound.end();
    this.#forgetIfOver(stream);
  }

  async #weEnd(stream: Stream): Promise<void> {
    if (stream.ended.we) return;
    stream.ended.we = true;
    this.#forgetIfOver(stream);
    const data = Buffer.alloc(0);
    await this.#send({ type: 'data', streamId: stream.id, fin: true, data });
  }

  async #reset(stream: Stream): Promise<void> {
    if (!this.#streams.has(stream.id)) return;
    this.#forget(stream);
    await this.#send({ type: 'reset', streamId: stream.id, status: resetStatus.cancel });
  }

  async #wasReset(stream: Stream): Promise<void> {
    this.#forget(stream);
    if (stream.kind !== 'data') return;
    end(stream.forward);
    const { error } = stream.forward.streams;
    // The client waits for it, to hear whether something went wrong.
    if (error !== undefined) await this.#weEnd(error);
  }

  #forgetIfOver(stream: Stream): void {
    if (stream.ended.we && stream.ended.they) this.#forget(stream);
  }

  #forget(stream: Stream): void {
    const { forward } = stream;
    stream.ended = { we: true, they: true };
    this.#streams.delete(stream.id);
    const { error, data } = forward.streams;
    const left = [error, data].some((each) => each !== undefined && this.#streams.has(each.id));
    if (!left) this.#forwards.delete(forward.requestId);
  }

  async #write(stream: Stream, data: Uint8Array): Promise<void> {
    if (!stream.ended.we) await this.#send({ type: 'data', streamId: stream.id, fin: false, data });
  }

  #send(frame: Frame): Promise<void> {
    return sendBinary(this.#client, encodeFrame(frame));
  }
}

function newForward(requestId: string, port: number): Forward {
  const inbound = new PassThrough({ highWaterMark: inboundMaxBytes });
  inbound.on('error', () => undefined);
  return { requestId, port, inbound, stop: new AbortController(), streams: {} };
}

function end({ inbound, stop }: Forward): void {
  stop.abort(new Error('the connection is over'));
  inbound.destroy();
}
