/** HTTPS in front of the pipeline: HTTP/2 and HTTP/1.1 on one port, streams with backpressure. */
import type { IncomingMessage } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { StatusError } from '../../api/status.ts';
import type { Log } from '../../lib/log.ts';
import type { PeerCertificate } from '../auth/authenticate.ts';
import type { KeyPair } from '../auth/pki.ts';
import type { ApiRequest, ApiResponse } from '../request/request.ts';
import { compressed } from './gzip.ts';
import { bodyTimeoutMs, maxDiscardedBytes, readBody } from './request-body.ts';

export type Handler = (
  request: ApiRequest,
  peer: PeerCertificate | undefined,
) => Promise<ApiResponse>;

/** Takes over the connection of an upgrade request (exec, attach, port-forward). */
export type UpgradeHandler = (
  request: ApiRequest,
  peer: PeerCertificate | undefined,
  connection: { readonly socket: Duplex; readonly head: Buffer; readonly raw: IncomingMessage },
) => Promise<void>;

/** Made once: every request's signal aborts at its end, and an error costs a stack trace. */
const clientGone = new DOMException('the client has gone', 'AbortError');

export interface FrontEndOptions {
  readonly host: string;
  readonly port: number;
  readonly serving: KeyPair;
  readonly ca: string;
  readonly handle: Handler;
  readonly upgrade: UpgradeHandler;
  readonly log: Log;
}

export interface FrontEnd {
  readonly port: number;
  /** New connections see this certificate; those that stand go on. */
  renew(serving: KeyPair): void;
  close(): Promise<void>;
}

/**
 * Of one HTTP/2 connection. Floods of resets, pings, settings and continuations end the connection by
 * limits of Node's own: 1,000 resets at once and 33 a second, 10 pings, 32 settings.
 */
const maxConcurrentStreams = 1_000;
/** What may be on its way of one body, and of all of a connection. Source: upstream, `http2Options`. */
const streamWindowBytes = 256 * 1024;
const connectionWindowBytes = 4 * 1024 * 1024;
/** Of one HTTP/2 request; over HTTP/1.1 it is Node's own limit of 16 KiB. */
const maxHeaderBytes = 64 * 1024;
const maxHeaderListPairs = 200;

/** Listens; rejects with the system's error (`EADDRINUSE`) when it cannot. */
export async function listen(options: FrontEndOptions): Promise<FrontEnd> {
  const server = createSecureServer({
    allowHTTP1: true,
    ...shown(options),
    requestCert: true,
    rejectUnauthorized: false,
    maxHeaderListPairs,
    settings: {
      maxConcurrentStreams,
      maxHeaderListSize: maxHeaderBytes,
      initialWindowSize: streamWindowBytes,
    },
  });
  // Each window takes a turn of a server that may be busy: a large body took fifty.
  server.on('session', (session) => session.setLocalWindowSize(connectionWindowBytes));
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => {
    void serve(options, request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void serveUpgrade(options, request, socket, head);
  });
  // A broken connection is the client's affair; without a listener it would end the process.
  server.on('sessionError', () => undefined);
  server.on('stream', (stream) => stream.on('error', () => undefined));
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => socket.destroy());
  server.on('tlsClientError', () => undefined);
  server.on('clientError', (error: Error, socket: Duplex) => {
    const tooLong = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
    const status = tooLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
    closeWith(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  });
  await bind(server, options);
  return {
    port: (server.address() as AddressInfo).port, // A TCP server that listens has such an address.
    renew: (serving) => server.setSecureContext(shown({ ...options, serving })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** With its authority, so that a machine that joins can compare that with the hash it was given. */
function shown({ serving, ca }: Pick<FrontEndOptions, 'serving' | 'ca'>) {
  return { cert: `${serving.cert}\n${ca}`, key: serving.key, ca };
}

function bind(server: Http2SecureServer, { host, port }: FrontEndOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function serve(
  options: FrontEndOptions,
  raw: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort(clientGone));
  raw.on('error', () => gone.abort(clientGone));
  response.on('error', () => gone.abort(clientGone));
  try {
    const request = toApiRequest(raw, gone.signal);
    const answer = await options.handle(request, peerOf(raw.socket as TLSSocket)); // A secure server's socket.
    whenGone(gone.signal, answer.done);
    await send(await compressed(request, answer), raw, response, gone.signal);
    letGoOfBody(raw, response);
  } catch (error) {
    if (gone.signal.aborted) return;
    options.log.error({ err: error, path: raw.url }, 'request failed outside the pipeline');
    breakOff(response);
  }
}

/**
 * What comes of a body after the answer is thrown away: over HTTP/2 its sender would wait for ever. A reset in its
 * place would leave a client of Node's waiting that gets it together with the answer.
 */
function letGoOfBody(raw: Http2ServerRequest, { stream }: Http2ServerResponse): void {
  // HTTP/1.1 requests come with a plain ServerResponse, which lets go by itself.
  if (stream === undefined || raw.complete) return;
  let size = 0;
  raw.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxDiscardedBytes) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), bodyTimeoutMs);
  stream.once('close', () => clearTimeout(timer));
}

/** Ends an answer so that the client sees it is not whole. */
function breakOff(response: Http2ServerResponse): void {
  // HTTP/1.1 requests come with a plain ServerResponse, which has a socket instead of a stream.
  if (response.stream === undefined) response.destroy();
  else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
}

async function send(
  answer: ApiResponse,
  raw: Http2ServerRequest,
  response: Http2ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted) return endBody(answer.body);
  const cut = () => {
    if (!gone.aborted) breakOff(response);
  };
  answer.cut?.addEventListener('abort', cut, { once: true });
  for (const [name, value] of Object.entries(answer.headers))
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  if (answer.body instanceof Uint8Array) {
    if (!bodiless.has(answer.status)) response.setHeader('content-length', answer.body.length);
    response.writeHead(answer.status);
    if (raw.method === 'HEAD' || bodiless.has(answer.status)) response.end();
    else response.end(answer.body);
    return;
  }
  response.writeHead(answer.status);
  // Clients wait for the head of a watch, which may have no event for long.
  flushHead(response);
  for await (const chunk of answer.body) {
    if (gone.aborted) break;
    if (!response.write(chunk)) await drained(response, gone);
  }
  answer.cut?.removeEventListener('abort', cut);
  response.end();
}

/** An answer is over when its connection or stream is, whole or not. */
function whenGone(gone: AbortSignal, done: (() => void) | undefined): void {
  if (done === undefined) return;
  if (gone.aborted) done();
  else gone.addEventListener('abort', done, { once: true });
}

/** Statuses whose answers have no body by definition. */
const bodiless = new Set([204, 304]);

/** Tells a stream that nobody will read that it is over. */
async function endBody(body: ApiResponse['body']): Promise<void> {
  if (!(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.();
}

function flushHead(response: Http2ServerResponse): void {
  // HTTP/1.1 requests come with a plain ServerResponse, whose name for it differs.
  const flush = (response as { flushHeaders?: () => void }).flushHeaders;
  if (typeof flush === 'function') flush.call(response);
}

function drained(response: Http2ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    gone.addEventListener('abort', done, { once: true });
    if (gone.aborted) done();
  });
}

async function serveUpgrade(
  options: FrontEndOptions,
  raw: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const gone = new AbortController();
  socket.on('close', () => gone.abort(clientGone));
  // Without a listener a broken connection would end the process.
  socket.on('error', () => gone.abort(clientGone));
  try {
    const request = toApiRequest(raw, gone.signal);
    await options.upgrade(request, peerOf(raw.socket as TLSSocket), { socket, head, raw });
  } catch (error) {
    refuseUpgrade(socket, error);
  }
}

/** Answers an upgrade that cannot be served with a Status, as for any other request. */
function refuseUpgrade(socket: Duplex, error: unknown): void {
  const status =
    error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error));
  const body = JSON.stringify(status.toStatus());
  closeWith(
    socket,
    `HTTP/1.1 ${status.code} ${status.reason || 'Error'}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Nobody reads what still comes, so that the socket would not see its end and stay for ever. */
function closeWith(socket: Duplex, text: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.resume();
  socket.end(text, () => socket.destroy());
}

function toApiRequest(raw: Http2ServerRequest | IncomingMessage, signal: AbortSignal): ApiRequest {
  const { path, query } = splitUrl(raw.url ?? '/');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw.headers))
    if (value !== undefined && !name.startsWith(':'))
      headers[name] = Array.isArray(value) ? value.join(', ') : value;
  const source = raw.socket.remoteAddress;
  let body: Promise<Uint8Array> | undefined;
  return {
    method: raw.method ?? 'GET',
    path,
    query,
    headers,
    ...(source === undefined ? {} : { source }),
    signal,
    body: () => {
      body ??= readBody(raw);
      return body;
    },
  };
}

/** Path and query of a request line; never throws, whatever stands there. */
export function splitUrl(url: string): { path: string; query: URLSearchParams } {
  // A proxy's client may send the whole address.
  const local = url.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = local.indexOf('?');
  const path = mark < 0 ? local : local.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : local.slice(mark + 1));
  return { path: safeDecode(path === '' ? '/' : path), query };
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const peers = new WeakMap<object, PeerCertificate | null>();

/** The subject of a client certificate that our CA has signed; read once per connection. */
function peerOf(socket: TLSSocket): PeerCertificate | undefined {
  const known = peers.get(socket);
  if (known !== undefined) return known ?? undefined;
  const peer = socket.authorized ? subjectOf(socket) : undefined;
  peers.set(socket, peer ?? null);
  return peer;
}

function subjectOf(socket: TLSSocket): PeerCertificate | undefined {
  const subject = socket.getPeerCertificate()?.subject as
    | { CN?: string | string[]; O?: string | string[] }
    | undefined; // Node's types know single values only; several O make an array.
  if (subject?.CN === undefined) return undefined;
  return { commonName: [subject.CN].flat()[0] ?? '', organizations: [subject.O ?? []].flat() };
}
