/** Requests over HTTPS (or plain HTTP, for a local proxy) with kept-alive connections. */
import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

export interface HttpsTransportOptions {
  /** `https://host:port`, optionally with a path before the API's. */
  readonly server: string;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  /** Accepts any server certificate. */
  readonly insecure?: boolean | undefined;
  /** How long the response's head may take; default 60 s. */
  readonly headTimeoutMs?: number | undefined;
}

/** Most connections at once; each watch holds one. */
const socketsMax = 1024;

/** Most idle connections kept for reuse. */
const idleSocketsMax = 16;

const headTimeoutDefaultMs = 60_000;

/** Probes idle connections, so that a peer that vanished is noticed also on a silent watch. */
const keepAliveProbeMs = 15_000;

/** A transport to one server as one user; `close` ends every connection at once. */
export function createHttpsTransport(
  options: HttpsTransportOptions,
): Transport & { close(): void } {
  const base = new URL(options.server);
  const prefix = base.pathname.replace(/\/$/, '');
  const { agent, request } = connector(base, options);
  const headTimeoutMs = options.headTimeoutMs ?? headTimeoutDefaultMs;
  const authorization =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };

  const once = (call: TransportRequest) =>
    new Promise<TransportResponse>((resolve, reject) => {
      const outgoing = request({
        agent,
        method: call.method,
        protocol: base.protocol,
        hostname: base.hostname.replace(/^\[|\]$/g, ''),
        port: base.port,
        path: prefix + call.path,
        headers: {
          ...authorization,
          ...call.headers,
          ...(call.body === undefined ? {} : { 'content-length': String(call.body.byteLength) }),
        },
        signal: call.signal,
      });
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`no response within ${headTimeoutMs} ms`)),
        headTimeoutMs,
      );
      outgoing.on('close', () => clearTimeout(timer));
      outgoing.on('error', (error) => {
        const { reusedSocket } = outgoing;
        reject(reusedSocket ? new ReusedSocketError(error.message, { cause: error }) : error);
      });
      outgoing.on('response', (incoming) => {
        clearTimeout(timer);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: flatHeaders(incoming.headers),
          body: incoming,
        });
      });
      outgoing.end(call.body);
    });

  const transport = async (call: TransportRequest): Promise<TransportResponse> => {
    try {
      return await once(call);
    } catch (error) {
      // The server may close an idle connection just as it is reused; reading again is harmless.
      const retry = call.method === 'GET' && error instanceof ReusedSocketError;
      if (!retry || call.signal.aborted) throw error;
      return once(call);
    }
  };
  return Object.assign(transport, { close: () => agent.destroy() });
}

/** The request failed on a connection that had served another one before. */
class ReusedSocketError extends Error {
  override readonly name = 'ReusedSocketError';
}

function connector(base: URL, options: HttpsTransportOptions) {
  const limits = {
    keepAlive: true,
    keepAliveMsecs: keepAliveProbeMs,
    maxSockets: socketsMax,
    maxFreeSockets: idleSocketsMax,
  };
  if (base.protocol === 'http:') return { agent: new http.Agent(limits), request: http.request };
  if (base.protocol !== 'https:') throw new TypeError(`cannot connect to ${base.href}`);
  const { ca, cert, key, insecure } = options;
  // Made once: to read certificates and keys for each connection costs more than the rest of it.
  const secureContext = createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  const rejectUnauthorized = insecure !== true;
  const agent = new https.Agent({ ...limits, secureContext, rejectUnauthorized });
  return { agent, request: https.request };
}

function flatHeaders(headers: http.IncomingHttpHeaders): Record<string, string | string[]> {
  const flat: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) flat[name] = value;
  return flat;
}
