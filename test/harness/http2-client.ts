/** Many requests on one HTTP/2 connection, whose bodies are counted and thrown away, or not read at all. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly stream: ClientHttp2Stream;
  /** Resolves with the length of the body once it is whole. */
  readonly body: Promise<number>;
}

export interface Http2Client {
  readonly session: ClientHttp2Session;
  /** Resolves at the head of the answer; `paused` leaves the body unread. */
  get(path: string, options?: { readonly paused?: boolean }): Promise<Http2Answer>;
  send(method: string, path: string, body: unknown, contentType?: string): Promise<Http2Answer>;
  close(): void;
}

/** `headers` go with every request. */
export function http2Client(
  url: string,
  ca: string,
  headers: Readonly<Record<string, string>>,
): Http2Client {
  const session = connect(url, { ca });
  session.on('error', () => undefined);
  const request = (
    all: Record<string, string>,
    body: string | undefined,
    paused: boolean,
  ): Promise<Http2Answer> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ...headers, ...all }, { endStream: body === undefined });
      stream.on('error', reject);
      stream.on('close', () => reject(new Error('the stream was closed before its answer')));
      stream.on('response', (answered) => {
        const whole = paused ? Promise.resolve(0) : lengthOf(stream);
        whole.catch(() => undefined);
        resolve({ status: Number(answered[':status']), headers: answered, stream, body: whole });
      });
      if (body !== undefined) stream.end(body);
    });
  return {
    session,
    get: (path, { paused = false } = {}) => request({ ':path': path }, undefined, paused),
    send: (method, path, body, contentType = 'application/json') =>
      request(
        { ':method': method, ':path': path, 'content-type': contentType },
        JSON.stringify(body),
        false,
      ),
    close: () => session.destroy(),
  };
}

function lengthOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    stream.once('end', () => resolve(length));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the stream was closed before its end')));
  });
}
