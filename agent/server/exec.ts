/**
 * `GET /exec/…` upgraded to a WebSocket: each message begins with a byte that names its channel.
 * Source: Kubernetes remotecommand, `v4.channel.k8s.io` and `v5.channel.k8s.io` (KEP-4006).
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../api/status.ts';
import type { Log } from '../../lib/log.ts';
import type { ExecSession } from '../../runtime/runtime.ts';
import { failureStatus, statusOfExit } from './exec-status.ts';
import type { Target } from './server.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
/** In order of preference; only the first knows the close channel. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const messageMaxBytes = 4 << 20;

export interface ExecUpgrade {
  (target: Target, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Cuts all sessions off. */
  closeAll(): void;
}

export function createExecUpgrade({ log }: { readonly log: Log }): ExecUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: messageMaxBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
  });
  const upgrade = async (
    target: Target,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> => {
    const wish = readWish(request);
    await checkRunning(target);
    server.handleUpgrade(request, socket, head, (client) => {
      void serve(target, wish, client).catch((error) => {
        log.warn({ err: error, container: target.container }, 'exec session failed');
        client.terminate();
      });
    });
  };
  return Object.assign(upgrade, {
    closeAll: () => {
      for (const client of server.clients) client.terminate();
    },
  });
}

interface Wish {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

function readWish(request: IncomingMessage): Wish {
  const query = new URL(request.url ?? '/', 'https://node').searchParams;
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least one command');
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (!offered.some((each) => protocols.includes(each.trim()))) {
    throw badRequest(`the WebSocket subprotocol must be one of: ${protocols.join(', ')}`);
  }
  const wish = {
    command,
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr') && !flag('tty'),
    tty: flag('tty'),
  };
  if (!wish.stdin && !wish.stdout && !wish.stderr) {
    throw badRequest('you must specify at least one of stdin, stdout, stderr');
  }
  return wish;
}

async function checkRunning({ runtime, id, container, pod }: Target): Promise<void> {
  const status = await runtime.get(id, { signal: new AbortController().signal });
  const state = status?.containers.find((each) => each.name === container)?.state;
  if (state?.phase === 'running') return;
  throw badRequest(`container ${container} of pod ${pod.metadata.name} is not running`);
}

async function serve(target: Target, wish: Wish, client: WebSocket): Promise<void> {
  const stop = new AbortController();
  client.once('close', () => stop.abort(new Error('the client has gone')));
  client.on('error', () => client.terminate());
  // What arrives before the process is there must not be lost.
  client.pause();
  const { container, runtime, id } = target;
  try {
    const { command, tty, stdin } = wish;
    const options = { container, command, tty, stdin, signal: stop.signal };
    const session = await runtime.exec(id, options);
    for (const event of ['drain', 'close']) session.stdin?.on(event, () => client.resume());
    client.on('message', (data) => receive(client, session, toBuffer(data)));
    client.resume();
    await Promise.all([
      forward(client, session.stdout, channel.stdout, wish.stdout),
      forward(client, session.stderr, channel.stderr, wish.stderr),
    ]);
    await send(client, channel.error, JSON.stringify(statusOfExit(await session.exit)));
  } catch (error) {
    if (stop.signal.aborted) return;
    client.resume();
    await send(client, channel.error, JSON.stringify(failureStatus(error)));
  }
  client.close(1000);
}

function receive(client: WebSocket, session: ExecSession, message: Buffer): void {
  const data = message.subarray(1);
  switch (message[0]) {
    case channel.stdin:
      if (data.length === 0 || session.stdin?.writable !== true) return;
      // A process that does not read must not fill the memory of the node.
      if (!session.stdin.write(data)) client.pause();
      return;
    case channel.resize: {
      const size = readSize(data);
      // A size that comes too late, or too early, is no reason to end the session.
      if (size !== undefined) session.resize(size).catch(() => undefined);
      return;
    }
    case channel.close:
      if (data[0] === channel.stdin) session.stdin?.end();
      return;
    default:
      return;
  }
}

function readSize(data: Buffer): { columns: number; rows: number } | undefined {
  try {
    // Anything else than two numbers is not a size.
    const { Width, Height } = JSON.parse(data.toString('utf8')) as Record<string, unknown>;
    if (typeof Width !== 'number' || typeof Height !== 'number') return undefined;
    return { columns: Width, rows: Height };
  } catch {
    return undefined;
  }
}

async function forward(
  client: WebSocket,
  source: Readable,
  number: number,
  wanted: boolean,
): Promise<void> {
  for await (const chunk of source) {
    if (wanted) await send(client, number, chunk);
  }
}

/** Resolves when the message has been handed to the network: the source waits until then. */
function send(client: WebSocket, number: number, data: Uint8Array | string): Promise<void> {
  const message = Buffer.concat([Buffer.of(number), Buffer.from(data)]);
  return new Promise((resolve, reject) => {
    client.send(message, { binary: true }, (error) => (error ? reject(error) : resolve()));
  });
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
