/**
 * One connection to libvirtd: calls, events and streams, over its own protocol.
 * Source: libvirt, "RPC protocol & APIs" (docs/internals/rpc.html).
 */
import { connect, type Socket } from 'node:net';
import type { CallOptions } from '../../../lib/call.ts';
import type { Clock } from '../../../lib/clock.ts';
import { orAborted } from '../../../lib/or-aborted.ts';
import { RuntimeError } from '../../runtime.ts';
import { type Procedure, procedures } from './procedures.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

/** Numbers of the programs that are spoken with. */
export const program = { remote: 0x2000_8086, qemu: 0x2000_8087 } as const;
const keepalive = { program: 0x6b65_6570, ping: 1, pong: 2 } as const;

/** Who has been silent for as long, and answers no ping, is given up. Source: virsh(1), `--keepalive-interval`, `-count`. */
const pingMs = 5_000;
const pingsMax = 6;

const messageType = { call: 0, reply: 1, event: 2, stream: 3 } as const;
const status = { ok: 0, error: 1, continue: 2 } as const;

const protocolVersion = 1;
const headerBytes = 28;
/** Source: VIR_NET_MESSAGE_MAX. */
const messageMaxBytes = 32 * 1024 * 1024;
/** Payload of one packet of a stream. Source: VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX, less the header. */
export const streamChunkBytes = 262_120;

/** What libvirt refuses with; `code` is its virErrorNumber. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface StreamHandler {
  readonly onData: (data: Buffer) => void;
  /** Once, with the reason where it did not end by itself. */
  readonly onEnd: (error?: Error) => void;
}

export interface Stream {
  write(data: Uint8Array): void;
  close(): void;
}

interface Waiting {
  readonly resolve: (reader: XdrReader) => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #streams = new Map<number, StreamHandler>();
  readonly #listeners = new Set<(procedure: number, body: XdrReader) => void>();
  #serial = 0;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #over = false;
  #unanswered = 0;
  #silent = false;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    const ended = new AbortController();
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end();
        ended.abort();
        resolve();
      });
    });
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#onData(chunk));
    void this.#keepAlive(clock, ended.signal);
  }

  /** Throws `Unavailable` when nobody answers there. */
  static async open(
    path: string,
    uri: string,
    options: CallOptions & { readonly clock: Clock },
  ): Promise<Connection> {
    let opened: Connection | undefined;
    try {
      const socket = await dial(path, options.signal);
      opened = new Connection(socket, options.clock);
      await opened.call('AUTH_LIST', undefined, options);
      const where = new XdrWriter().optionalString(uri).uint(0);
      await opened.call('CONNECT_OPEN', where, options);
      return opened;
    } catch (error) {
      opened?.close();
      options.signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      const message = `libvirt cannot be reached at ${path}: ${why}`;
      throw new RuntimeError('Unavailable', message, { cause: error });
    }
  }

  get over(): boolean {
    return this.#over;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Throws `LibvirtError`, or `Unavailable` when the connection ends first. */
  async call(
    procedure: Procedure,
    body: XdrWriter | undefined,
    options: CallOptions & { readonly program?: number },
  ): Promise<XdrReader> {
    const { reply } = this.#call(procedures[procedure], body, options.program ?? program.remote);
    return await orAborted(reply, options.signal);
  }

  /** A call that opens a stream under its own serial number. */
  async openStream(
    procedure: Procedure,
    body: XdrWriter,
    handler: StreamHandler,
    options: CallOptions,
  ): Promise<Stream> {
    const number = procedures[procedure];
    const { serial, reply } = this.#call(number, body, program.remote);
    // Data may follow the answer in the same packet.
    this.#streams.set(serial, handler);
    try {
      await orAborted(reply, options.signal);
    } catch (error) {
      this.#streams.delete(serial);
      throw error;
    }
    const send = (state: number, data: Uint8Array) => {
      if (this.#over || !this.#streams.has(serial)) return;
      const { stream } = messageType;
      this.#send({ program: program.remote, procedure: number, type: stream, serial, state }, data);
    };
    return {
      write: (data) => {
        for (let at = 0; at < data.length; at += streamChunkBytes) {
          send(status.continue, data.subarray(at, at + streamChunkBytes));
        }
      },
      close: () => {
        send(status.ok, new Uint8Array());
        this.#streams.delete(serial);
      },
    };
  }

  /** The returned function ends it. */
  onEvent(listener: (procedure: number, body: XdrReader) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #call(procedure: number, body: XdrWriter | undefined, toProgram: number) {
    this.#serial += 1;
    const serial = this.#serial;
    const reply = new Promise<XdrReader>((resolve, reject) => {
      if (this.#over) {
        reject(this.#why());
        return;
      }
      this.#waiting.set(serial, { resolve, reject });
      const { call } = messageType;
      const header = { program: toProgram, procedure, type: call, serial, state: status.ok };
      this.#send(header, body?.bytes() ?? new Uint8Array());
    });
    reply.catch(() => undefined);
    return { serial, reply };
  }

  #send(
    header: {
      readonly program: number;
      readonly procedure: number;
      readonly type: number;
      readonly serial: number;
      readonly state: number;
    },
    body: Uint8Array,
  ): void {
    const head = new XdrWriter()
      .uint(headerBytes + body.length)
      .uint(header.program)
      .uint(header.program === keepalive.program ? 1 : protocolVersion)
      .int(header.procedure)
      .int(header.type)
      .uint(header.serial)
      .int(header.state);
    this.#socket.write(Buffer.concat([head.bytes(), body]));
  }

  /** A libvirtd that hangs keeps its connections open. */
  async #keepAlive(clock: Clock, signal: AbortSignal): Promise<void> {
    for (this.#unanswered = 0; this.#unanswered <= pingsMax; this.#unanswered += 1) {
      const { program: toProgram, ping: procedure } = keepalive;
      const header = { program: toProgram, procedure, type: messageType.event, serial: 0 };
      this.#send({ ...header, state: status.ok }, new Uint8Array());
      await clock.sleep(pingMs, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
    this.#silent = true;
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#unanswered = 0;
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    for (;;) {
      if (this.#receivedBytes < 4) return;
      const whole = Buffer.concat(this.#received);
      this.#received = [whole];
      const length = whole.readUInt32BE(0);
      if (length < headerBytes || length > messageMaxBytes) {
        this.#socket.destroy(new Error(`libvirt sent a message of ${length} bytes`));
        return;
      }
      if (whole.length < length) return;
      this.#received = [whole.subarray(length)];
      this.#receivedBytes -= length;
      this.#onMessage(new XdrReader(whole.subarray(4, length)));
    }
  }

  #onMessage(body: XdrReader): void {
    const toProgram = body.uint();
    body.uint(); // Its version.
    const procedure = body.int();
    const type = body.int();
    const serial = body.uint();
    const state = body.int();
    if (toProgram === keepalive.program) {
      if (procedure !== keepalive.ping) return;
      const header = { program: toProgram, procedure: keepalive.pong, type: messageType.event };
      this.#send({ ...header, serial: 0, state: status.ok }, new Uint8Array());
    } else if (type === messageType.event) {
      // Each reads for itself: a reader has one place that it is at.
      for (const listener of this.#listeners) listener(procedure, new XdrReader(body.rest()));
    } else if (type === messageType.stream) {
      this.#onStream(serial, state, body);
    } else {
      const waiting = this.#waiting.get(serial);
      this.#waiting.delete(serial);
      if (state === status.error) waiting?.reject(readError(body));
      else waiting?.resolve(body);
    }
  }

  #onStream(serial: number, state: number, body: XdrReader): void {
    const handler = this.#streams.get(serial);
    const data = body.rest();
    if (state === status.continue && data.length > 0) {
      handler?.onData(data);
      return;
    }
    this.#streams.delete(serial);
    handler?.onEnd(state === status.error ? readError(body) : undefined);
  }

  #end(): void {
    this.#over = true;
    for (const { reject } of this.#waiting.values()) reject(this.#why());
    for (const { onEnd } of this.#streams.values()) onEnd(this.#why());
    this.#waiting.clear();
    this.#streams.clear();
  }

  #why(): RuntimeError {
    const seconds = (pingMs * (pingsMax + 1)) / 1_000;
    const why = this.#silent
      ? `libvirt has not answered for ${seconds} s; see systemctl status libvirtd`
      : 'the connection to libvirt was lost';
    return new RuntimeError('Unavailable', why);
  }
}

/** The first fields of a remote_error. */
function readError(body: XdrReader): LibvirtError {
  const code = body.int();
  body.int(); // The part of libvirt that it comes from.
  return new LibvirtError(code, body.optionalString() ?? `error ${code}`);
}

function dial(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, signal });
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
