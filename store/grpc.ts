/**
 * Calls of gRPC over one HTTP/2 connection to one server, made when it is needed and made anew when it is lost.
 * Source: grpc/doc/PROTOCOL-HTTP2.md. Messages are bytes, and none is compressed.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../lib/clock.ts';
import { onAbort } from '../lib/on-abort.ts';
import { within } from '../lib/within.ts';

export interface GrpcOptions {
  /** `host:port`. */
  readonly address: string;
  /** Absent: no TLS; `{}` trusts what the machine trusts. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
}

export interface GrpcCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** With `messageHeadBytes` in front, which are filled in here. */
  readonly message: Buffer;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** In front of a message: whether it is compressed (never), and its length. */
export const messageHeadBytes = 5;

/** As in grpc/doc/statuscodes.md. */
export const grpcCodes = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  unavailable: 14,
} as const;

/** A call that failed. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: number;
  /** The server certainly has not begun with it. */
  readonly isUntouched: boolean;

  constructor(
    code: number,
    message: string,
    options: ErrorOptions & { readonly isUntouched?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.isUntouched = options.isUntouched ?? false;
  }
}

/** So much may come of one answer, and of all, before any of it was read. */
const windowBytes = 4 * 1024 * 1024;
/** etcd breaks off when it is asked more often than every five seconds. */
const pingEveryMs = 10_000;
const pingTimeoutMs = 5_000;
const connectTimeoutMs = 5_000;
const never = new AbortController().signal;

export class GrpcChannel {
  readonly #options: GrpcOptions;
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<ClientHttp2Session> | undefined;
  #calls = 0;
  #isClosed = false;

  constructor(options: GrpcOptions) {
    this.#options = options;
  }

  /** The message that answers one message. */
  async unary(call: GrpcCall, deadlineMs: number): Promise<Uint8Array> {
    const session = this.#usable() ?? (await this.#connected(deadlineMs));
    const stream = this.#request(session, call);
    stream.end(call.message);
    return answerOf(stream, deadlineMs - this.#options.clock.now());
  }

  /** The messages that answer one message, until the server ends them; throws the reason of the signal. */
  async *stream(
    call: GrpcCall,
    { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void> {
    const session = this.#usable() ?? (await this.#connected(deadlineMs, signal));
    signal.throwIfAborted();
    const stream = this.#request(session, call);
    stream.write(call.message);
    const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
    const forget = onAbort(signal, cancel);
    const outcome = new Outcome(stream);
    const messages = new MessageReader();
    try {
      for await (const chunk of stream) yield* messages.add(chunk);
    } catch (cause) {
      signal.throwIfAborted();
      throw outcome.error(cause);
    } finally {
      forget();
      cancel();
    }
    signal.throwIfAborted();
    if (!outcome.isOk) throw outcome.error();
  }

  /** Calls under way go on to their end; others fail. */
  close(): void {
    this.#isClosed = true;
    this.#session?.close();
  }

  /** One that takes calls still: a server that is about to end says so. */
  #usable(): ClientHttp2Session | undefined {
    const session = this.#session;
    return session?.closed === false && !session.destroyed ? session : undefined;
  }

  /** One attempt for all calls that wait for it. */
  async #connected(deadlineMs: number, signal: AbortSignal = never): Promise<ClientHttp2Session> {
    const { address, clock } = this.#options;
    if (this.#isClosed) throw unconnected(address, 'closed');
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    const connecting = this.#connecting;
    return within(deadlineMs - clock.now(), clock, signal, () => connecting).catch((cause) => {
      signal.throwIfAborted();
      throw unconnected(address, cause);
    });
  }

  #connect(): Promise<ClientHttp2Session> {
    const { address, tls } = this.#options;
    const session = connect(`${tls === undefined ? 'http' : 'https'}://${address}`, {
      ...tls,
      settings: { enablePush: false, initialWindowSize: windowBytes },
      // One large answer would have further calls refused.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => session.destroy(new Error('no answer')), connectTimeoutMs);
      let cause: unknown = 'closed';
      session.on('error', (error) => {
        cause = error;
      });
      session.on('close', () => {
        clearTimeout(late);
        reject(cause);
      });
      // Only by these it is certain that the other side speaks HTTP/2.
      session.once('remoteSettings', () => {
        clearTimeout(late);
        session.setLocalWindowSize(windowBytes);
        this.#session = session;
        this.#keepAlive(session);
        if (this.#isClosed) session.close();
        resolve(session);
      });
    });
  }

  /** A peer that vanished is found out while calls wait for it. */
  #keepAlive(session: ClientHttp2Session): void {
    const pinging = setInterval(() => {
      if (this.#calls === 0) return;
      const late = setTimeout(
        () => session.destroy(new Error('no answer to a ping')),
        pingTimeoutMs,
      );
      session.ping(() => clearTimeout(late));
    }, pingEveryMs);
    session.on('close', () => clearInterval(pinging));
  }

  #request(session: ClientHttp2Session, { path, message, metadata }: GrpcCall): ClientHttp2Stream {
    message.writeUInt8(0, 0);
    message.writeUInt32BE(message.length - messageHeadBytes, 1);
    let stream: ClientHttp2Stream;
    try {
      stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...metadata,
      });
    } catch (cause) {
      throw unconnected(this.#options.address, cause);
    }
    this.#calls += 1;
    stream.once('close', () => {
      this.#calls -= 1;
    });
    return stream;
  }
}

function unconnected(address: string, cause: unknown): GrpcError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `no connection to ${address}: ${why}`;
  return new GrpcError(grpcCodes.unavailable, message, { cause, isUntouched: true });
}

function answerOf(stream: ClientHttp2Stream, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const outcome = new Outcome(stream);
    const messages = new MessageReader();
    let answer: Uint8Array | undefined;
    let cause: unknown;
    const late = setTimeout(() => {
      reject(new GrpcError(grpcCodes.deadlineExceeded, `no answer within ${timeoutMs} ms`));
      stream.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    stream.on('data', (chunk: Buffer) => {
      for (const message of messages.add(chunk)) answer = message;
    });
    stream.on('error', (error) => {
      cause = error;
    });
    stream.on('close', () => {
      clearTimeout(late);
      if (outcome.isOk && answer !== undefined) resolve(answer);
      else reject(outcome.error(cause));
    });
  });
}

/** What the server says of a call: in the head of an answer without messages, else behind them. */
class Outcome {
  readonly #stream: ClientHttp2Stream;
  #said: IncomingHttpHeaders & IncomingHttpStatusHeader = {};

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    const hear = (headers: IncomingHttpHeaders) => {
      this.#said = { ...this.#said, ...headers };
    };
    stream.on('response', hear).on('trailers', hear);
  }

  get isOk(): boolean {
    return this.#said['grpc-status'] === '0';
  }

  error(cause?: unknown): GrpcError {
    const { 'grpc-status': status, 'grpc-message': message, ':status': httpStatus } = this.#said;
    if (status !== undefined && status !== '0')
      return new GrpcError(Number(status), decodeWords(String(message ?? '')), { cause });
    if (httpStatus !== undefined && httpStatus !== 200)
      return new GrpcError(grpcCodes.unknown, `HTTP status ${httpStatus}`, { cause });
    const isUntouched = this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const why = cause instanceof Error ? cause.message : `code ${this.#stream.rstCode}`;
    return new GrpcError(grpcCodes.unavailable, `the call was cut off: ${why}`, {
      cause,
      isUntouched,
    });
  }
}

/** Cuts what comes of a stream into its messages. */
class MessageReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = messageHeadBytes;

  add(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return [];
    const messages: Buffer[] = [];
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      const hasHead = rest.length >= messageHeadBytes;
      this.#needed = messageHeadBytes + (hasHead ? rest.readUInt32BE(1) : 0);
      if (rest.length < this.#needed) break;
      messages.push(rest.subarray(messageHeadBytes, this.#needed));
      rest = rest.subarray(this.#needed);
    }
    this.#chunks = [rest];
    this.#bytes = rest.length;
    return messages;
  }
}

function decodeWords(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
