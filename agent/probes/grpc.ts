/** The gRPC health service, by hand: one message out, one in. Source: grpc/doc/health-checking.md. */
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { CallOptions } from '../../lib/call.ts';
import { type CheckOutcome, networkWords, outputMaxBytes } from './outcome.ts';
import { hostPort } from './target.ts';

const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const unimplemented = 12;

export interface GrpcCheck {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly userAgent: string;
}

/** `SERVING` is success. */
export async function checkGrpc(check: GrpcCheck, { signal }: CallOptions): Promise<CheckOutcome> {
  signal.throwIfAborted();
  const address = hostPort(check.host, check.port);
  const session = connect(`http://${address}`);
  const onAbort = () => session.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return outcomeOf(await ask(session, check));
  } catch (error) {
    signal.throwIfAborted();
    const why = networkWords(error, address);
    const message = `error: failed to connect service "${address}": ${why}`;
    return { type: 'failure', message };
  } finally {
    signal.removeEventListener('abort', onAbort);
    session.destroy();
  }
}

interface GrpcAnswer {
  /** `grpc-status`; 0 is success. */
  readonly code: number;
  readonly message: string;
  readonly body: Buffer;
}

function ask(session: ClientHttp2Session, { service, userAgent }: GrpcCheck): Promise<GrpcAnswer> {
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    session.on('close', () => reject(new Error('connection closed')));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': userAgent,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let headers: Readonly<Record<string, unknown>> = {};
    // An answer without a body carries its status in the headers, else it comes behind the body.
    stream.on('response', (response) => {
      headers = { ...headers, ...response };
    });
    stream.on('trailers', (trailers) => {
      headers = { ...headers, ...trailers };
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > outputMaxBytes) reject(new Error('answer too long'));
      else chunks.push(chunk);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (headers[':status'] === undefined) {
        reject(new Error('connection closed'));
        return;
      }
      const code = Number(headers['grpc-status'] ?? 2);
      const fallback = `unexpected HTTP status code ${headers[':status']}`;
      const message = String(headers['grpc-message'] ?? fallback);
      resolve({ code, message: decodeWords(message), body: Buffer.concat(chunks) });
    });
    stream.end(frame(requestOf(service)));
  });
}

function outcomeOf({ code, message, body }: GrpcAnswer): CheckOutcome {
  if (code === unimplemented) {
    const what = 'this server does not implement the grpc health protocol (grpc.health.v1.Health)';
    return { type: 'failure', message: `error: ${what}: ${message}` };
  }
  if (code !== 0) {
    return { type: 'failure', message: `error: health rpc failed: code = ${code}: ${message}` };
  }
  // HealthCheckResponse has one field: tag 0x08, then the status; absent is 0.
  const status = statusNames[body[5] === 0x08 ? (body[6] ?? 0) : 0] ?? 'UNKNOWN';
  if (status === 'SERVING') return { type: 'success' };
  return { type: 'failure', message: `service unhealthy (responded with "${status}")` };
}

/** HealthCheckRequest: field 1, the service's name. */
function requestOf(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  for (let rest = name.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** Not compressed, and how long. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function decodeWords(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
