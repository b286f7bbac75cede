/** The node's HTTPS server: logs, exec, attach and port-forward, for the apiserver only. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { AdoptableObject } from '../../api/adoption.ts';
import type { StatsSummary } from '../../api/stats-summary.ts';
import { badRequest, notFound, StatusError } from '../../api/status.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { type Metrics, noMetrics } from '../../lib/metrics.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { containersOf } from '../pod/pod-view.ts';
import { serveAdoptable } from './adoptable.ts';
import { createProcessUpgrade } from './exec.ts';
import { serveImages } from './images.ts';
import { serveLogs } from './logs.ts';
import { serveMachine } from './machines.ts';
import { createPortForwardUpgrade } from './port-forward.ts';
import type { Locate } from './target.ts';
import { createVncUpgrade } from './vnc.ts';
import type { Upgrade } from './websocket.ts';

export interface ServingOptions {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority that signs the apiserver's client certificate. */
  readonly clientCa: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface NodeServerOptions extends ServingOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly locate: Locate;
  /** Where disks and images of virtual machines lie. */
  readonly machinesDir: string;
  /** Whose images are listed, pulled and removed. */
  readonly images?: Runtime | undefined;
  /** What `name` would be as a pod. */
  readonly adoptable?: (target: string, options: CallOptions) => Promise<AdoptableObject>;
  /** What node and pods use. */
  readonly summary: () => Promise<StatsSummary>;
  /** What `/metrics` shows; nothing when absent. */
  readonly metrics?: Pick<Metrics, 'expose'>;
}

export interface NodeServer {
  readonly port: number;
  /** What new connections are shown from now on; PEM. */
  useCertificate(pair: { readonly cert: string; readonly key: string }): void;
  /** Ends all connections. */
  close(): Promise<void>;
}

export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { cert, key, clientCa, host, log } = options;
  const server = createServer({
    cert,
    key,
    ca: clientCa,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
  });
  const upgradeProcess = createProcessUpgrade(options);
  const upgradeVnc = createVncUpgrade(options);
  const upgradePortForward = createPortForwardUpgrade(options);
  const join = async (upgrade: Upgrade) => {
    const { verb, located, container } = route(options, upgrade.request);
    if (verb === 'vnc') return await upgradeVnc(located, upgrade);
    if (verb === 'portForward') return await upgradePortForward(located, upgrade);
    if (verb === 'containerLogs') throw badRequest('logs are no WebSocket');
    await upgradeProcess(verb, { ...located, container }, upgrade);
  };
  server.on('request', (request, response) => {
    void handle(options, request, response).catch((error) => fail(response, error, log));
  });
  server.on('upgrade', (request, socket, head) => {
    // Between here and the upgrade an error would have no listener.
    socket.on('error', () => socket.destroy());
    join({ request, socket, head }).catch((error) => refuseUpgrade(socket, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, host, () => resolve());
  });
  // Such as too many open files: no reason for the process to die.
  server.on('error', (error) => log.error({ err: error }, 'node server failed'));
  // A TCP server's address is never a string.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    useCertificate: (pair) =>
      server.setSecureContext({ ca: clientCa, minVersion: 'TLSv1.2', ...pair }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        upgradeProcess.closeAll();
        upgradePortForward.closeAll();
        upgradeVnc.closeAll();
      }),
  };
}

async function handle(
  options: NodeServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url === '/stats/summary') {
    authorise(request);
    const summary = JSON.stringify(await options.summary());
    response.writeHead(200, { 'content-type': 'application/json' }).end(summary);
    return;
  }
  if (request.url === '/metrics') {
    authorise(request, monitors);
    const { contentType, text } = await (options.metrics ?? noMetrics).expose();
    response.writeHead(200, { 'content-type': contentType }).end(text);
    return;
  }
  const url = new URL(request.url ?? '/', 'https://node');
  const { pathname, searchParams } = url;
  if (pathname === '/images' && options.images !== undefined) {
    authorise(request);
    await serveImages(options.images, request, searchParams, response);
    return;
  }
  if (pathname.startsWith('/machines/')) {
    authorise(request);
    await serveMachine(options, request, url, response);
    return;
  }
  if (pathname === '/adoptable' && options.adoptable !== undefined) {
    authorise(request);
    await serveAdoptable(options.adoptable, request, searchParams, response);
    return;
  }
  const { verb, located, container, query } = route(options, request);
  if (verb !== 'containerLogs') throw badRequest(`${verb} needs a WebSocket upgrade`);
  await serveLogs({ ...located, container }, query, response, options.clock);
}

const verbs = ['containerLogs', 'exec', 'attach', 'portForward', 'vnc'] as const;

function route(options: NodeServerOptions, request: IncomingMessage) {
  authorise(request);
  const url = new URL(request.url ?? '/', 'https://node');
  const [, word = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const [namespace = '', name = '', container = '', ...more] = rest;
  const verb = verbs.find((each) => each === word);
  // A pod's ports are its own, everything else is a container's.
  const isWhole = (verb === 'portForward') === (container === '') && more.length === 0;
  if (verb === undefined || !isWhole || (verb === 'containerLogs' && request.method !== 'GET')) {
    throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
  }
  const resource = url.searchParams.get('resource') === 'vms' ? 'vms' : 'pods';
  const located = options.locate(resource, namespace, name);
  if (located === undefined) throw notFound({ group: '', resource }, name);
  const names = containersOf(located.pod).map((each) => each.name);
  if (container !== '' && !names.includes(container)) {
    throw badRequest(`container ${container} is not valid for pod ${name}`);
  }
  return { verb, located, container, query: url.searchParams };
}

/** Who may read numbers, and nothing else; groups of the certificate. */
const monitors = ['system:monitoring', 'system:masters'];

/** Any certificate of the authority gets a connection; only the apiserver's gets an answer. */
function authorise(request: IncomingMessage, groups: readonly string[] = []): void {
  // The server is an HTTPS server.
  const { subject } = (request.socket as TLSSocket).getPeerCertificate();
  const organisations = [subject?.O ?? []].flat();
  const allowed = ['berth:apiserver', ...groups];
  if (subject?.CN === 'berth-apiserver' || allowed.some((each) => organisations.includes(each)))
    return;
  throw new StatusError(403, 'Forbidden', 'only the apiserver may ask a node');
}

function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(500, 'InternalError', message, undefined, { cause: error });
}

function fail(response: ServerResponse, error: unknown, log: Log): void {
  if (response.headersSent) {
    log.debug({ err: error }, 'log stream broke off');
    response.destroy();
    return;
  }
  const status = statusOf(error);
  response.writeHead(status.code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(status.toStatus()));
}

function refuseUpgrade(socket: Duplex, error: unknown): void {
  const status = statusOf(error);
  const body = JSON.stringify(status.toStatus());
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
