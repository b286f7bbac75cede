/** One request and its answer: JSON encoding, retry-after, limits, and errors as `StatusError`. */
import { type Status, StatusError, type StatusReason } from '../api/status.ts';
import type { Clock } from '../lib/clock.ts';
import { traceHeaders } from '../lib/trace.ts';
import { longLived } from './long-lived.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

/** Largest answer that is read into memory; watches are not counted. */
const responseBytesMax = 256 * 1024 * 1024;

/** How often a request is sent again because the server said `Retry-After`. */
const retriesMax = 5;

/** Longest wait that a server's `Retry-After` is followed for. */
const retryAfterMaxMs = 30_000;

interface ExchangeRequest {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal: AbortSignal;
}

export interface Exchange {
  /** Sends and reads the whole JSON answer; throws `StatusError` unless it is a success. */
  call<T>(request: ExchangeRequest): Promise<T>;
  /** Sends and returns a successful answer's body unread. */
  open(request: ExchangeRequest): Promise<AsyncIterable<Uint8Array>>;
}

export function openExchange(
  transport: Transport,
  { userAgent, clock }: { readonly userAgent: string; readonly clock: Clock },
): Exchange {
  async function send(request: ExchangeRequest): Promise<AsyncIterable<Uint8Array>> {
    longLived(request.signal);
    const encoded = encode(request, userAgent);
    for (let retries = 0; ; retries += 1) {
      request.signal.throwIfAborted();
      const response = await transport(encoded).catch((error: unknown) => {
        throw networkError(error, request);
      });
      if (response.status < 400) return response.body;
      const error = await readError(response, request);
      const afterMs = retryAfterMs(response);
      if (response.status !== 429 || afterMs === undefined || retries >= retriesMax) throw error;
      await clock.sleep(afterMs, request.signal);
    }
  }

  async function call<T>(request: ExchangeRequest): Promise<T> {
    const body = await send(request);
    const text = await readText(body, request);
    try {
      // The server's schema promises the shape; this is where it becomes a type.
      return JSON.parse(text) as T;
    } catch (cause) {
      const message = `the server's answer to ${request.method} ${request.path} is not JSON`;
      throw new StatusError(500, 'InternalError', message, undefined, { cause });
    }
  }

  return { call, open: send };
}

/** No answer, or a broken one; when the caller aborted, the caller's own reason. */
export function networkError(
  cause: unknown,
  { method, path, signal }: { method: string; path: string; signal: AbortSignal },
): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof StatusError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `no answer to ${method} ${path}: ${why}`;
  return new StatusError(503, 'ServiceUnavailable', message, undefined, { cause });
}

/** A `Status` object as an exception. */
export function statusError(status: Partial<Status>, fallbackCode: number): StatusError {
  const code = status.code ?? fallbackCode;
  const message = status.message ?? `the server answered ${code}`;
  return new StatusError(code, status.reason ?? reasonOf(code), message, status.details);
}

function encode(request: ExchangeRequest, userAgent: string): TransportRequest {
  const { method, path, body, signal } = request;
  const headers: Record<string, string> = {
    accept: 'application/json',
    'user-agent': userAgent,
    ...traceHeaders(),
  };
  if (body === undefined) return { method, path, headers, signal };
  headers['content-type'] = request.contentType ?? 'application/json';
  return { method, path, headers, body: Buffer.from(JSON.stringify(body, integers)), signal };
}

/** Writes a bigint as a number where a number can hold it; a larger one cannot be sent as JSON here. */
function integers(_field: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is beyond 2^53`);
  return number;
}

async function readText(
  body: AsyncIterable<Uint8Array>,
  request: ExchangeRequest,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      if (bytes > responseBytesMax) throw new RangeError('the answer is too large');
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkError(error, request);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readError(
  response: TransportResponse,
  request: ExchangeRequest,
): Promise<StatusError> {
  const text = await readText(response.body, request);
  const status = parseStatus(text);
  if (status !== undefined) return statusError(status, response.status);
  const message = text.trim().slice(0, 1024) || `the server answered ${response.status}`;
  return new StatusError(response.status, reasonOf(response.status), message);
}

function parseStatus(text: string): Partial<Status> | undefined {
  try {
    // Checked by `kind` on the next line.
    const value = JSON.parse(text) as Partial<Status> | null;
    return value?.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterMs({ headers }: TransportResponse): number | undefined {
  const value = headers['retry-after'];
  const seconds = typeof value === 'string' ? Number(value) : Number.NaN;
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(seconds * 1000, retryAfterMaxMs);
}

const reasons: Readonly<Record<number, StatusReason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function reasonOf(code: number): StatusReason | '' {
  return reasons[code] ?? '';
}
