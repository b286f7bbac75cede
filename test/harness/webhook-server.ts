/** A webhook over real HTTPS: answers by path, and remembers what it was asked. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Pki } from '../../apiserver/index.ts';
import type { Body } from './apiserver.ts';

/** Makes the answer of a call: an object is sent as JSON; `status` and `text` as they are. */
export type WebhookHandler = (
  review: Body,
  call: WebhookCall,
) => Body | Promise<Body> | { readonly status: number; readonly text: string };

export interface WebhookCall {
  readonly path: string;
  readonly timeout: string;
  readonly review: Body;
}

export interface WebhookServer {
  readonly url: string;
  /** In base64, as `caBundle` wants it. */
  readonly caBundle: string;
  readonly calls: readonly WebhookCall[];
  /** What is asked at this path from now on; nothing else is known any more when it is `undefined`. */
  on(path: string, handler: WebhookHandler): void;
  /** The calls since the last look. */
  take(): readonly WebhookCall[];
  stop(): Promise<void>;
}

export async function startWebhookServer(pki: Pki): Promise<WebhookServer> {
  const leaf = await pki.leaf('webhook', { commonName: 'webhook', hosts: ['127.0.0.1'] });
  const handlers = new Map<string, WebhookHandler>();
  const calls: WebhookCall[] = [];
  const server: Server = createServer(
    { key: leaf.key, cert: leaf.cert },
    async (request, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { pathname, searchParams } = new URL(request.url ?? '/', 'https://x');
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const call = { path: pathname, timeout: searchParams.get('timeout') ?? '', review };
      calls.push(call);
      const said = await handlers.get(pathname)?.(review, call);
      if (said === undefined) answer.writeHead(404).end();
      else if (typeof said.text === 'string')
        answer.writeHead(said.status, { 'content-type': 'text/plain' }).end(said.text);
      else answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server that listens has an address with a port.
  const { port } = server.address() as AddressInfo;
  let seen = 0;
  return {
    url: `https://127.0.0.1:${port}`,
    caBundle: Buffer.from(pki.ca).toString('base64'),
    calls,
    on: (path, handler) => void handlers.set(path, handler),
    take() {
      const since = calls.slice(seen);
      seen = calls.length;
      return since;
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** An AdmissionReview that answers `review`. */
export function reviewed(review: Body, response: Body): Body {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: review.request.uid, allowed: true, ...response },
  };
}

export function patching(review: Body, ...patch: readonly Body[]): Body {
  const bytes = Buffer.from(JSON.stringify(patch)).toString('base64');
  return reviewed(review, { patchType: 'JSONPatch', patch: bytes });
}
