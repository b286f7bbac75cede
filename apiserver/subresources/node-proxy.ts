/** log, exec, attach, port-forward: handed on to the pod's node, over HTTPS with our certificate. */

import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { asArray, asObject, asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { queryFlag } from '../../api/query-flag.ts';
import { badRequest, notFound, StatusError } from '../../api/status.ts';
import { guestContainer } from '../../api/vm-instance.ts';
import type { KeyPair } from '../auth/pki.ts';
import type { ApiRequest, ApiResponse, RequestContext } from '../request/request.ts';
import { admit, attributesOf } from '../verbs/admission.ts';
import type { KindRequest, VerbDeps } from '../verbs/deps.ts';

export interface NodeProxyDeps extends VerbDeps {
  /** What agents know us by. */
  readonly identity: KeyPair;
  readonly ca: string;
}

const connectTimeoutMs = 10_000;
const pods = { group: '', plural: 'pods' };
const vms = { group: 'berth.dev', plural: 'vms' };
const nodes = { group: '', plural: 'nodes' };

/** Whether log, exec and the like are asked of instances of this kind. */
export function hasStreams({ group, resource }: { group: string; resource: string }): boolean {
  return (group === '' && resource === 'pods') || (group === vms.group && resource === vms.plural);
}

/** The node's answer as text, for what is asked of the agent itself. Throws when it answers an error. */
export async function askNode(
  deps: NodeProxyDeps,
  node: JsonObject,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const name = asString(at(node, 'metadata', 'name'));
  const answer = await ask(deps, { ...addressOf(node, name), nodeName: name, path }, signal);
  if (answer.statusCode !== 200) throw await agentError(answer, answer.statusCode ?? 502);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > answerMaxBytes) throw new StatusError(502, 'InternalError', `${name}: too much`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const answerMaxBytes = 16 << 20;

export interface Target {
  readonly nodeName: string;
  readonly host: string;
  readonly port: number;
  /** On the agent, with query. */
  readonly path: string;
}

/** `/nodes/<name>/images` and `/adoptable`: handed on as they are; what pulls and removes says so in its answer. */
export async function askAgent(
  deps: NodeProxyDeps,
  { info, request }: RequestContext,
): Promise<ApiResponse> {
  const { signal, method, query } = request;
  const node = await deps.objects.get(nodes, { name: info.name }, signal);
  if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, info.name);
  const target = {
    ...addressOf(node.object, info.name),
    nodeName: info.name,
    path: `/${info.subresource}?${query}`,
  };
  const answer = await ask(deps, target, signal, { method });
  if (answer.statusCode !== 200) throw await agentError(answer, answer.statusCode ?? 502);
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache' };
  return { status: 200, headers, body: answer };
}

/** GET `/pods/<name>/log`, and `/vms/<name>/log`: what its console printed. */
export async function podLog(deps: NodeProxyDeps, context: RequestContext): Promise<ApiResponse> {
  const target = await targetOf(deps, context, 'containerLogs');
  // Nowhere yet, so there is nothing to read, which is no mistake of the reader.
  if (target === undefined) return { status: 204, headers: {}, body: new Uint8Array() };
  const answer = await ask(deps, target, context.request.signal);
  const status = answer.statusCode ?? 502;
  const contentType = answer.headers['content-type'] ?? 'text/plain';
  if (status !== 200) throw await agentError(answer, status);
  return {
    status,
    headers: { 'content-type': contentType, 'cache-control': 'no-cache' },
    body: answer,
  };
}

/** Subresources of a pod that are streams in both directions, and what the agent calls them. */
export const podStreams: Readonly<Record<string, string>> = {
  exec: 'exec',
  attach: 'attach',
  portforward: 'portForward',
  vnc: 'vnc',
};

/**
 * Joins the client's upgraded connection with one to the agent; neither side's frames are touched. What
 * is no WebSocket is handed on too: the agent refuses it, after it has looked for better reasons to.
 */
export async function podStream(
  deps: NodeProxyDeps,
  context: KindRequest,
  { socket, head, raw }: { socket: Duplex; head: Buffer; raw: IncomingMessage },
): Promise<void> {
  await admitConnect(deps, context);
  const { info } = context;
  const target = await targetOf(deps, context, podStreams[info.subresource] ?? '');
  if (target === undefined)
    throw badRequest(
      `${info.resource === vms.plural ? 'vm' : 'pod'} ${info.name} does not have a host assigned: ` +
        'see its events for why it is pending',
    );
  const agent = await dial(deps, target);
  const headers = Object.entries(raw.headers)
    .filter(([name]) => !ownHeaders.has(name))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`);
  agent.write(
    `GET ${target.path} HTTP/1.1\r\nhost: ${target.host}:${target.port}\r\n` +
      `connection: Upgrade\r\nupgrade: ${raw.headers.upgrade}\r\n${headers.join('\r\n')}\r\n\r\n`,
  );
  if (head.length > 0) agent.write(head);
  agent.pipe(socket);
  socket.pipe(agent);
  const end = () => {
    agent.destroy();
    socket.destroy();
  };
  agent.on('error', end);
  socket.on('error', end);
  agent.on('close', () => socket.end());
  socket.on('close', () => agent.destroy());
}

const connectKinds: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
  vnc: 'VMScreenOptions',
};

/** Admission of a stream, whose object is what the query says. */
async function admitConnect(deps: NodeProxyDeps, context: KindRequest): Promise<void> {
  const { subresource } = context.info;
  const kind = { group: '', version: 'v1', kind: connectKinds[subresource] ?? '' };
  const attributes = attributesOf(context, { operation: 'CONNECT', kind, dryRun: false });
  const { query } = context.request;
  const object: JsonObject = { kind: kind.kind, apiVersion: 'v1' };
  for (const flagName of ['stdin', 'stdout', 'stderr', 'tty'])
    if (queryFlag(query, flagName)) object[flagName] = true;
  const container = query.get('container') ?? '';
  if (container !== '') object['container'] = container;
  const ports = query.getAll('ports').map(Number).filter(Number.isInteger);
  if (subresource === 'exec') object['command'] = query.getAll('command');
  if (subresource === 'portforward' && ports.length > 0) object['ports'] = ports;
  await admit(deps, attributes, object);
}

/**
 * Not handed on. The agent must see an upgrade without a body, whatever the client has sent: else it would
 * take what follows for further requests of ours.
 */
const ownHeaders = new Set([
  'host',
  'authorization',
  'connection',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'expect',
]);

/** `undefined` = the pod is on no node yet. */
export async function targetOf(
  deps: NodeProxyDeps,
  { info, request }: RequestContext,
  action: string,
): Promise<Target | undefined> {
  const key = { namespace: info.namespace, name: info.name };
  const place = info.resource === vms.plural ? vms : pods;
  const pod = await deps.objects.get(place, key, request.signal);
  if (pod === undefined) {
    throw notFound({ group: place.group, resource: place.plural }, info.name);
  }
  const words = [action, info.namespace, info.name];
  // A pod's ports are its own, and so is a machine as a whole; everything else is a container's.
  if (action !== 'portForward' && action !== 'machines') {
    words.push(place === vms ? guestContainer : containerOf(pod.object, request));
  }
  const nodeName = asString(at(pod.object, 'spec', 'nodeName'));
  if (nodeName === '') return undefined;
  const node = await deps.objects.get(nodes, { name: nodeName }, request.signal);
  if (node === undefined) throw notFound({ group: '', resource: 'nodes' }, nodeName);
  const query = new URLSearchParams(request.query);
  query.delete('container');
  // A pod may have the same name.
  if (place === vms) query.set('resource', vms.plural);
  const path = words.map(encodeURIComponent).join('/');
  return { ...addressOf(node.object, nodeName), nodeName, path: `/${path}?${query}` };
}

/** The container the client names, or the only one. */
function containerOf(pod: JsonObject, { query }: ApiRequest): string {
  const name = asString(at(pod, 'metadata', 'name'));
  const names = asArray(at(pod, 'spec', 'containers')).map((c) => asString(asObject(c)?.['name']));
  const initNames = asArray(at(pod, 'spec', 'initContainers')).map((c) =>
    asString(asObject(c)?.['name']),
  );
  const given = query.get('container') ?? '';
  if (given !== '') {
    const ephemeral = asArray(at(pod, 'spec', 'ephemeralContainers')).map((c) =>
      asString(asObject(c)?.['name']),
    );
    if ([...names, ...initNames, ...ephemeral].includes(given)) return given;
    throw badRequest(`container ${given} is not valid for pod ${name}`);
  }
  if (names.length === 1) return names[0] ?? '';
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]` +
      (initNames.length > 0 ? ` or one of the init containers: [${initNames.join(' ')}]` : ''),
  );
}

function addressOf(node: JsonObject, nodeName: string): { host: string; port: number } {
  const addresses = asArray(at(node, 'status', 'addresses')).map((each) => asObject(each) ?? {});
  const internal = addresses.find((each) => each['type'] === 'InternalIP') ?? addresses[0];
  const port = at(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port');
  if (internal === undefined || typeof port !== 'number')
    throw new StatusError(
      503,
      'ServiceUnavailable',
      `node ${nodeName} has not said where its agent listens: is the agent running?`,
    );
  return { host: asString(internal['address']), port };
}

function tlsOptions({ identity, ca }: NodeProxyDeps, { host, port, nodeName }: Target) {
  return {
    host,
    port,
    ca,
    cert: identity.cert,
    key: identity.key,
    // Addresses change with the network a node is in; what its certificate must name is the node.
    checkServerIdentity: (_host: string, { subject }: { subject: { CN?: string | string[] } }) =>
      subject.CN === `system:node:${nodeName}`
        ? undefined
        : new Error(`it is not the agent of node ${nodeName} (but ${subject.CN})`),
    timeout: connectTimeoutMs,
  };
}

export function ask(
  deps: NodeProxyDeps,
  target: Target,
  signal: AbortSignal,
  { method = 'GET', timeoutMs = connectTimeoutMs } = {},
): Promise<IncomingMessage> {
  const { path } = target;
  const tls = { ...tlsOptions(deps, target), timeout: timeoutMs };
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ ...tls, path, method, signal, agent: false }, (answer) => {
      answer.socket.setTimeout(0);
      resolve(answer);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', (error) => reject(unreachable(target, error)));
    outgoing.end();
  });
}

function dial(deps: NodeProxyDeps, target: Target): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...tlsOptions(deps, target), ALPNProtocols: ['http/1.1'] }, () => {
      socket.setTimeout(0);
      socket.off('error', fail);
      resolve(socket);
    });
    const fail = (error: Error) => reject(unreachable(target, error));
    socket.on('error', fail);
    socket.on('timeout', () => socket.destroy(new Error('timed out')));
  });
}

function unreachable(target: Target, cause: Error): StatusError {
  return new StatusError(
    502 as number,
    'ServiceUnavailable',
    `the node's agent at ${target.host}:${target.port} cannot be reached: ${cause.message}`,
    undefined,
    { cause },
  );
}

export async function agentError(answer: IncomingMessage, status: number): Promise<StatusError> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    const body = JSON.parse(text) as { message?: string; reason?: never };
    return new StatusError(status, body.reason ?? 'InternalError', body.message ?? text);
  } catch {
    return new StatusError(status, status === 404 ? 'NotFound' : 'InternalError', text);
  }
}
