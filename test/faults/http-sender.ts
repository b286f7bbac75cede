/** Sends a request in its manner, and says how it ended; nothing may take longer than the limit. */
import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import { connect as connectTls } from 'node:tls';
import type { Kubeconfig } from '../../client/kubeconfig.ts';
import type { WrongRequest } from './http-requests.ts';

export interface Ending {
  /** 0 when the client went away itself, or the connection was closed without an answer. */
  readonly status: number;
  readonly text: string;
}

/** Far beyond what any request takes on a busy machine. */
const limitMs = 30_000;
/** More of an answer is not kept. */
const textMax = 100_000;

/** How far a request has come, for who waits for it in vain. */
interface Progress {
  told(): string;
}

export class Sender {
  readonly #port: number;
  readonly #tls: { ca?: string; cert?: string; key?: string };
  readonly #token: Record<string, string>;
  readonly #agent: https.Agent;
  #session: http2.ClientHttp2Session | undefined;

  constructor(port: number, { ca, cert, key, token }: Kubeconfig) {
    this.#port = port;
    this.#tls = Object.fromEntries(
      Object.entries({ ca, cert, key }).filter(([, value]) => value !== undefined),
    );
    this.#token = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#agent = new https.Agent({ ...this.#tls, keepAlive: true, maxSockets: 16 });
  }

  /** Rejects only when the request did not end in time. */
  async send(request: WrongRequest): Promise<Ending> {
    const limit = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const progress: Progress = { told: () => '' };
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        limit.abort();
        reject(new Error(`no end within ${limitMs} ms${progress.told()}`));
      }, limitMs);
    });
    try {
      return await Promise.race([this.#send(request, limit.signal, progress), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#session?.destroy();
  }

  #send(request: WrongRequest, signal: AbortSignal, progress: Progress): Promise<Ending> {
    switch (request.manner) {
      case 'http2':
      case 'reset':
        return this.#http2(request, progress);
      case 'upgrade':
        return this.#upgrade(request);
      default:
        return this.#http1(request, signal);
    }
  }

  #http1(request: WrongRequest, signal: AbortSignal): Promise<Ending> {
    const { method, path, body, manner } = request;
    return new Promise((resolve) => {
      const gone = () => resolve({ status: 0, text: '' });
      const outgoing = https.request({
        host: '127.0.0.1',
        port: this.#port,
        agent: this.#agent,
        method,
        path,
        headers: { ...this.#headers(request), ...lengthOf(body) },
        signal,
      });
      outgoing.on('error', gone);
      outgoing.on('close', gone);
      outgoing.on('response', (incoming) => {
        let text = '';
        const status = incoming.statusCode ?? 0;
        incoming.on('error', gone);
        incoming.setEncoding('utf8').on('data', (chunk: string) => {
          if (text.length < textMax) text += chunk;
        });
        incoming.on('end', () => resolve({ status, text }));
        if (isStream(request, status)) {
          resolve({ status, text: '' });
          outgoing.destroy();
        }
      });
      if (manner === 'slow' && body !== undefined) void trickle(outgoing, body);
      else if (manner === 'aborted') {
        outgoing.write(body?.subarray(0, body.length / 2) ?? '', () => outgoing.destroy());
      } else outgoing.end(body);
    });
  }

  #http2(request: WrongRequest, progress: Progress): Promise<Ending> {
    const { method, path, body, manner } = request;
    return new Promise((resolve) => {
      const gone = () => resolve({ status: 0, text: '' });
      const stream = this.#connected().request({
        ':method': method,
        ':path': path,
        ...this.#headers(request),
      });
      let status = 0;
      let text = '';
      progress.told = () =>
        `, status ${status}: ${JSON.stringify([stream.state, stream.session?.state])}`;
      stream.on('error', gone);
      stream.on('response', (head) => {
        status = Number(head[':status']);
        if (!isStream(request, status)) return;
        resolve({ status, text: '' });
        stream.close(http2.constants.NGHTTP2_CANCEL);
      });
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < textMax) text += chunk;
      });
      stream.on('close', () => resolve({ status, text }));
      if (manner === 'reset') {
        if (body !== undefined) stream.write(body.subarray(0, body.length / 2));
        setImmediate(() => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
      } else stream.end(body);
    });
  }

  #connected(): http2.ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = http2.connect(`https://127.0.0.1:${this.#port}`, this.#tls);
      this.#session.on('error', () => undefined);
    }
    return this.#session;
  }

  /** A WebSocket that begins as one should, and goes on with rubbish. */
  async #upgrade(request: WrongRequest): Promise<Ending> {
    const socket = connectTls({ host: '127.0.0.1', port: this.#port, ...this.#tls });
    socket.on('error', () => undefined);
    const { authorization = '' } = this.#token;
    const lines = [
      `GET ${request.path} HTTP/1.1`,
      'Host: 127.0.0.1',
      ...(authorization === '' ? [] : [`Authorization: ${authorization}`]),
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (text.startsWith('HTTP/1.1 101')) socket.write(request.body ?? 'rubbish');
      socket.end();
    });
    socket.write(request.body ?? Buffer.from([0x81, 0xff, 0, 0, 0]));
    await Promise.race([once(socket, 'close'), once(socket, 'end')]).catch(() => undefined);
    socket.destroy();
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
  }

  #headers({ headers }: WrongRequest): Record<string, string> {
    return { ...this.#token, ...headers };
  }
}

/** A watch or a log answers for as long as one listens. */
function isStream({ path }: WrongRequest, status: number): boolean {
  return status === 200 && /[?&](watch|follow)=|\/watch\//.test(path);
}

function lengthOf(body: Buffer | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(body.length) };
}

/** In ten pieces with pauses; the answer may come before all is sent. */
async function trickle(outgoing: import('node:http').ClientRequest, body: Buffer): Promise<void> {
  const step = Math.max(1, Math.ceil(body.length / 10));
  for (let at = 0; at < body.length && !outgoing.destroyed; at += step) {
    outgoing.write(body.subarray(at, at + step));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (!outgoing.destroyed) outgoing.end();
}
