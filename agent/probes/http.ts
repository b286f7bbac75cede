/** GET requests of probes and hooks: own connection, certificates unchecked, redirects within the host. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { HTTPGetAction } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import { type CheckOutcome, LimitedText, networkWords } from './outcome.ts';
import { hostPort } from './target.ts';

const redirectsMax = 10;

const redirects = new Set([301, 302, 303, 307, 308]);

/** The address of an action; `port` and `address` are resolved already. */
export function urlOf(action: HTTPGetAction, port: number, address: string): URL {
  const { scheme = 'HTTP', host, path = '/' } = action;
  const authority = hostPort(host === undefined || host === '' ? address : host, port);
  return new URL(`${scheme.toLowerCase()}://${authority}${path.startsWith('/') ? '' : '/'}${path}`);
}

/** 200 to 399 is success; a redirect to another host is one with a warning. Source: kubelet's prober. */
export async function checkHttp(
  url: URL,
  headers: Readonly<Record<string, readonly string[]>>,
  { signal }: CallOptions,
): Promise<CheckOutcome> {
  let at = url;
  try {
    for (let hop = 0; ; hop += 1) {
      const { status, location, body } = await getOnce(at, headers, { signal });
      const next = redirects.has(status) && location !== undefined ? new URL(location, at) : at;
      if (next !== at && next.hostname === url.hostname) {
        if (hop + 1 >= redirectsMax) throw new Error(`stopped after ${redirectsMax} redirects`);
        at = next;
        continue;
      }
      if (status >= 200 && status < 300) return { type: 'success' };
      if (status >= 300 && status < 400) {
        const message = `Probe terminated redirects, Response body: ${body}`;
        return { type: 'warning', message };
      }
      return { type: 'failure', message: `HTTP probe failed with statuscode: ${status}` };
    }
  } catch (error) {
    signal.throwIfAborted();
    const message = `Get "${at.href}": ${networkWords(error, at.host)}`;
    return { type: 'failure', message };
  }
}

/** Headers by name; an empty `User-Agent` or `Accept` is not sent at all. */
export function headersOf(
  { httpHeaders = [] }: HTTPGetAction,
  userAgent: string,
): Record<string, readonly string[]> {
  const headers: Record<string, string[]> = {};
  for (const { name, value } of httpHeaders) {
    const key = name.toLowerCase();
    headers[key] = [...(headers[key] ?? []), value];
  }
  for (const [key, value] of [
    ['user-agent', userAgent],
    ['accept', '*/*'],
  ] as const) {
    headers[key] ??= [value];
    if (headers[key].join('') === '') delete headers[key];
  }
  return headers;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** One request and what it is answered with, whatever the status. */
export function getOnce(
  url: URL,
  headers: Readonly<Record<string, readonly string[]>>,
  { signal }: CallOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const tls = url.protocol === 'https:';
    const options = {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (tls ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      // A header with one value is sent as text: Node refuses lists for some, as `Host`.
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, values]) => [
          name,
          values.length === 1 ? (values[0] ?? '') : [...values],
        ]),
      ),
      // Its own connection, closed afterwards.
      agent: false as const,
      signal,
    };
    const onAnswer = (answer: IncomingMessage) => readAnswer(answer, made).then(resolve, reject);
    const made: ClientRequest = tls
      ? requestTls({ ...options, rejectUnauthorized: false }, onAnswer)
      : request(options, onAnswer);
    made.on('error', reject);
    made.end();
  });
}

async function readAnswer(answer: IncomingMessage, made: ClientRequest): Promise<Answer> {
  const body = new LimitedText();
  try {
    for await (const chunk of answer) {
      body.add(chunk);
      if (body.isFull) break;
    }
  } finally {
    made.destroy();
  }
  const { statusCode = 0, headers } = answer;
  return { status: statusCode, location: headers.location, body: body.toString() };
}
