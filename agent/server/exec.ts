/**
 * `GET /exec/…` and `/attach/…` upgraded to a WebSocket: each message begins with a byte that names
 * its channel. Source: Kubernetes remotecommand, `v4.channel.k8s.io` and `v5.channel.k8s.io` (KEP-4006).
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { queryFlag } from '../../api/query-flag.ts';
import { badRequest } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { ProcessStreams } from '../../runtime/runtime.ts';
import { type ExecStatus, failureStatus, statusOfExit } from './exec-status.ts';
import { createResizer, type Size } from './resizer.ts';
import type { Target } from './target.ts';
import {
  goneSignal,
  messageMaxBytes,
  readProtocols,
  sendBinary,
  toBuffer,
  type Upgrade,
} from './websocket.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
/** In order of preference; only the first knows the close channel. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

export interface ProcessUpgrade {
  (verb: 'exec' | 'attach', target: Target, upgrade: Upgrade): Promise<void>;
  /** Cuts all sessions off. */
  closeAll(): void;
}

export function createProcessUpgrade(options: {
  readonly log: Log;
  readonly clock: Clock;
}): ProcessUpgrade {
  const { log, clock } = options;
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: messageMaxBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
  });
  const upgrade = async (
    verb: 'exec' | 'attach',
    target: Target,
    { request, socket, head }: Upgrade,
  ): Promise<void> => {
    const wish = readWish(verb, request);
    // A client that is refused the one way tries the other: the reason must be the same.
    await checkRunning(target);
    checkProtocols(request);
    server.handleUpgrade(request, socket, head, (client) => {
      void serve(target, wish, client, clock).catch((error) => {
        log.warn({ err: error, container: target.container }, `${verb} session failed`);
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
  /** Absent = the container's own process. */
  readonly command?: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

function readWish(verb: 'exec' | 'attach', request: IncomingMessage): Wish {
  const query = new URL(request.url ?? '/', 'https://node').searchParams;
  const flag = (name: string) => queryFlag(query, name);
  const command = query.getAll('command');
  if (verb === 'exec' && command.length === 0) {
    throw badRequest('you must specify at least one command');
  }
  const wish = {
    ...(verb === 'exec' ? { command } : {}),
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

function checkProtocols(request: IncomingMessage): void {
  if (readProtocols(request, '1.30').some((each) => protocols.includes(each))) return;
  throw badRequest(`the WebSocket subprotocol must be one of: ${protocols.join(', ')}`);
}

async function serve(target: Target, wish: Wish, client: WebSocket, clock: Clock): Promise<void> {
  const signal = goneSignal(client, clock);
  // What arrives before the process is there must not be lost.
  client.pause();
  try {
    const { streams, status } = await join(target, wish, signal);
    for (const event of ['drain', 'close']) streams.stdin?.on(event, () => client.resume());
    const resize = createResizer((size) => streams.resize(size));
    client.on('message', (data) => receive(client, streams, resize, toBuffer(data)));
    client.resume();
    await Promise.all([
      forward(client, streams.stdout, channel.stdout, wish.stdout),
      forward(client, streams.stderr, channel.stderr, wish.stderr),
    ]);
    await send(client, channel.error, JSON.stringify(await status()));
  } catch (error) {
    if (signal.aborted) return;
    client.resume();
    await send(client, channel.error, JSON.stringify(failureStatus(error)));
  }
  client.close(1000);
}

interface Joined {
  readonly streams: ProcessStreams;
  /** How it ended; who is only attached is not told the exit code, as upstream. */
  status(): Promise<ExecStatus>;
}

async function join(target: Target, wish: Wish, signal: AbortSignal): Promise<Joined> {
  const { container, runtime, id } = target;
  const { command, tty, stdin } = wish;
  if (command === undefined) {
    const session = await runtime.attach(id, { container, stdin, signal });
    return { streams: session, status: () => session.ended.then(() => statusOfExit(0)) };
  }
  const session = await runtime.exec(id, { container, command, tty, stdin, signal });
  return { streams: session, status: () => session.exit.then(statusOfExit) };
}

function receive(
  client: WebSocket,
  streams: ProcessStreams,
  resize: (size: Size) => void,
  message: Buffer,
): void {
  const data = message.subarray(1);
  switch (message[0]) {
    case channel.stdin:
      if (data.length === 0 || streams.stdin?.writable !== true) return;
      // A process that does not read must not fill the memory of the node.
      if (!streams.stdin.write(data)) client.pause();
      return;
    case channel.resize: {
      const size = readSize(data);
      if (size !== undefined) resize(size);
      return;
    }
    case channel.close:
      if (data[0] === channel.stdin) streams.stdin?.end();
      return;
    default:
      return;
  }
}

function readSize(data: Buffer): Size | undefined {
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

function send(client: WebSocket, number: number, data: Uint8Array | string): Promise<void> {
  return sendBinary(client, Buffer.concat([Buffer.of(number), Buffer.from(data)]));
}
