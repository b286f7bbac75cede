/** One question to a webhook: a JSON document sent by POST over HTTPS, and the JSON that it answers. */
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { asObject, asString } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { underAny } from '../../lib/under-any.ts';
import { parseJson, stringifyJson } from '../wire/json.ts';
import { serverMessage } from './server-message.ts';

/** Where a webhook is, from `clientConfig`. */
export interface WebhookTarget {
  readonly url: string;
  /** `namespace/name` of a Service, in the place of a URL. */
  readonly service: string;
  /** PEM; empty = well-known authorities. */
  readonly ca: string;
}

export interface CallLimits {
  /** Also tells the webhook how long it has. */
  readonly timeoutMs: number;
  readonly answerMaxBytes: number;
  readonly signal: AbortSignal;
}

/** The webhook could not be asked, or answered no JSON. The message is as a Go client words it. */
export class WebhookCallError extends Error {
  override readonly name = 'WebhookCallError';
  /** The HTTP status it answered with; 503 when it did not answer. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Calls of one server at the same time; more wait, within their own time. */
const maxCalls = 256;
const maxSocketsPerHost = 32;
const idleSocketMs = 30_000;

export function targetOf(clientConfig: JsonObject): WebhookTarget {
  const service = asObject(clientConfig['service']);
  return {
    url: asString(clientConfig['url']),
    service: service === undefined ? '' : `${service['namespace']}/${service['name']}`,
    ca: Buffer.from(asString(clientConfig['caBundle']), 'base64').toString('utf8'),
  };
}

export class WebhookCaller {
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: maxSocketsPerHost,
    timeout: idleSocketMs,
  });
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Throws `WebhookCallError`; never takes longer than `timeoutMs`. */
  async call(target: WebhookTarget, body: JsonObject, limits: CallLimits): Promise<JsonObject> {
    if (target.url === '') throw noServices(target.service);
    if (target.ca !== '' && !target.ca.includes('-----BEGIN CERTIFICATE-----'))
      throw new WebhookCallError(503, noCertificates);
    const seconds = Math.ceil(limits.timeoutMs / 1_000);
    const url = `${target.url}?timeout=${seconds}s`;
    const late = AbortSignal.timeout(limits.timeoutMs);
    const post = async (signal: AbortSignal) => {
      await this.#enter(signal);
      try {
        const bytes = Buffer.from(stringifyJson(body));
        return readAnswer(await this.#post(url, target.ca, bytes, limits.answerMaxBytes, signal));
      } finally {
        this.#leave();
      }
    };
    try {
      return await underAny([limits.signal, late], post);
    } catch (error) {
      if (error instanceof WebhookCallError) throw error;
      const why = late.aborted ? 'context deadline exceeded' : goWords(error);
      throw new WebhookCallError(503, `Post ${JSON.stringify(url)}: ${why}`, { cause: error });
    }
  }

  /** Ends idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #enter(signal: AbortSignal): Promise<void> {
    if (this.#running >= maxCalls)
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => {
          this.#waiting.splice(this.#waiting.indexOf(turn), 1);
          reject(signal.reason);
        };
        const turn = () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        signal.addEventListener('abort', onAbort, { once: true });
        this.#waiting.push(turn);
      });
    signal.throwIfAborted();
    this.#running += 1;
  }

  #leave(): void {
    this.#running -= 1;
    this.#waiting.shift()?.();
  }

  async #post(
    url: string,
    ca: string,
    body: Buffer,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const options: RequestOptions = {
      method: 'POST',
      agent: this.#agent,
      signal,
      headers: { ...headers, 'content-length': body.length },
      ...(ca === '' ? {} : { ca }),
    };
    try {
      return await send(url, options, body, maxBytes);
    } catch (error) {
      // A kept connection that the webhook has closed meanwhile says nothing about the webhook.
      if (error instanceof StaleConnection) return send(url, options, body, maxBytes);
      throw error;
    }
  }
}

const noCertificates =
  'unable to load root certificates: unable to parse bytes as PEM block: see clientConfig.caBundle';

/** As kube-apiserver calls, which some webhooks look at. */
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, */*',
  'user-agent': 'kube-apiserver-admission',
};

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly bytes: Buffer;
}

class StaleConnection extends Error {}

function send(
  url: string,
  options: RequestOptions,
  body: Buffer,
  maxBytes: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBytes) chunks.push(chunk);
        else outgoing.destroy(new Error(`the answer is longer than ${maxBytes} bytes`));
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          bytes: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.on('error', (error) => {
      const stale = outgoing.reusedSocket && codeOf(error) === 'ECONNRESET';
      reject(stale ? new StaleConnection() : error);
    });
    outgoing.end(body);
  });
}

function readAnswer({ status, contentType, bytes }: Answer): JsonObject {
  if (status < 200 || status > 206)
    throw new WebhookCallError(status, serverMessage(status, contentType, bytes.toString('utf8')));
  const why = (message: string) =>
    new WebhookCallError(503, `couldn't get version/kind; json parse error: ${message}`);
  try {
    const answer = asObject(parseJson(bytes).value);
    if (answer !== undefined) return answer;
  } catch (error) {
    throw why(error instanceof Error ? error.message : String(error));
  }
  throw why('the answer is no JSON object');
}

function noServices(service: string): WebhookCallError {
  return new WebhookCallError(
    503,
    `service "${service}" cannot be reached: there are no Services here, set clientConfig.url instead`,
  );
}

const goTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'read: connection reset by peer',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'server misbehaving',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
};

/** What went wrong with a connection, as users know it from Kubernetes. */
function goWords(error: unknown): string {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const text = Object.hasOwn(goTexts, code) ? goTexts[code] : undefined;
  if (text?.startsWith('x509') || code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: ${text ?? `x509: ${message}`}`;
  if (text === undefined) return message;
  const at = /\b[\d.]+:\d+\b/.exec(message)?.[0];
  return `dial tcp${at === undefined ? '' : ` ${at}`}: ${text}`;
}

function codeOf(error: unknown): string {
  // Errors of Node's network carry a code.
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
