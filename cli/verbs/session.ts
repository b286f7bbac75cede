/** The connection of the everyday verbs: which server, as whom, in which namespace. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { StatusError } from '../../api/status.ts';
import { networkError, statusError } from '../../client/exchange.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { type Kubeconfig, KubeconfigError, loadKubeconfig } from '../../client/kubeconfig.ts';
import type { TransportRequest, TransportResponse } from '../../client/transport.ts';
import { Failure } from '../failure.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';

export interface SessionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly dataDir?: string;
  readonly namespace?: string;
}

interface Call {
  readonly method?: TransportRequest['method'];
  readonly path: string;
  readonly accept?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

interface Answer {
  readonly status: number;
  /** The JSON body. */
  readonly body: Record<string, unknown>;
}

export interface Session {
  readonly kubeconfig: Kubeconfig;
  /** `-n`, or the kubeconfig's. */
  readonly namespace: string;
  /** Throws `StatusError` unless it succeeds; prints the server's warnings. */
  call(call: Call): Promise<Answer>;
  /** The same, with the body unread. */
  open(call: Call): Promise<AsyncIterable<Uint8Array>>;
  close(): void;
}

export function addSessionOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'namespace (default: "default")')
    .option('--kubeconfig <file>', 'server and credentials (default: $KUBECONFIG, or the data dir)')
    .option('--context <name>', 'another context of the kubeconfig')
    .option('--data-dir <dir>', 'the plane of that directory on this machine');
}

/** Runs `use` with a connection and closes it. */
export async function withSession<T>(
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession(options);
  try {
    return await use(session);
  } catch (error) {
    throw explained(error, session);
  } finally {
    session.close();
  }
}

function openSession(options: SessionOptions): Session {
  const path = kubeconfigPath(options);
  const kubeconfig = load(path, options.context);
  const transport = createHttpsTransport(kubeconfig);
  const never = new AbortController().signal;
  const warned = new Set<string>();

  async function send(call: Call): Promise<TransportResponse> {
    const request = requestOf(call, call.signal ?? never);
    const response = await transport(request).catch((error: unknown) => {
      throw networkError(error, request);
    });
    for (const warning of warningsOf(response)) {
      if (!warned.has(warning)) process.stderr.write(`Warning: ${warning}\n`);
      warned.add(warning);
    }
    if (response.status >= 400) throw await failureOf(response);
    return response;
  }

  return {
    kubeconfig,
    namespace: options.namespace ?? kubeconfig.namespace,
    async call(call) {
      const response = await send(call);
      const text = await readText(response.body);
      // The API answers with JSON objects.
      return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
    },
    open: async (call) => (await send(call)).body,
    close: () => transport.close(),
  };
}

/** Which file is meant; throws a `Failure` when there is none. */
function kubeconfigPath({ kubeconfig, dataDir }: SessionOptions): string {
  if (kubeconfig !== undefined) return kubeconfig;
  if (dataDir !== undefined) return ofPlane(dataDir);
  const named = process.env['KUBECONFIG']?.split(':').find((path) => path !== '');
  if (named !== undefined) return named;
  const plane = planePaths(defaultDataDir()).kubeconfig;
  if (existsSync(plane)) return plane;
  const home = join(homedir(), '.kube', 'config');
  if (existsSync(home)) return home;
  throw new Failure(
    `no kubeconfig found (looked for $KUBECONFIG, ${plane} and ${home}): ` +
      'start a plane with "berth up", or name one with --data-dir or --kubeconfig',
  );
}

function ofPlane(dataDir: string): string {
  const { kubeconfig } = planePaths(dataDir);
  if (existsSync(kubeconfig)) return kubeconfig;
  throw new Failure(
    `there is no plane in ${dataDir}: start one with "berth up --data-dir ${dataDir}"`,
  );
}

function load(path: string, context: string | undefined): Kubeconfig {
  try {
    return loadKubeconfig(path, context === undefined ? {} : { context });
  } catch (error) {
    if (error instanceof KubeconfigError) throw new Failure(error.message, { cause: error });
    throw error;
  }
}

function requestOf(
  { method = 'GET', path, accept, body, contentType }: Call,
  signal: AbortSignal,
): TransportRequest {
  const headers = {
    accept: accept ?? 'application/json',
    'user-agent': 'berth-cli',
    ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
  };
  const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
  return { method, path, headers, signal, ...bytes };
}

/** `299 - "text"`. */
function warningsOf({ headers }: TransportResponse): readonly string[] {
  return [headers['warning'] ?? []].flat().map((line) => {
    const text = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? line;
    return text.replace(/\\(.)/g, '$1');
  });
}

async function failureOf(response: TransportResponse): Promise<StatusError> {
  const text = await readText(response.body);
  try {
    // Checked by its kind.
    const status = JSON.parse(text) as Parameters<typeof statusError>[0];
    if (status.kind === 'Status') return statusError(status, response.status);
  } catch {
    // Not JSON: told as it is.
  }
  return statusError({ message: text.trim().slice(0, 1000) }, response.status);
}

export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The server's words, and for a server that does not answer the remedy. */
function explained(error: unknown, { kubeconfig }: Session): unknown {
  if (!(error instanceof StatusError)) return error;
  const cause = error.cause instanceof Error ? error.cause : undefined;
  if (error.code === 503 && cause !== undefined) {
    const code = (cause as NodeJS.ErrnoException).code; // Errors of sockets carry one.
    const why = code === 'ECONNREFUSED' ? 'nobody listens there' : cause.message;
    return new Failure(
      `no answer from ${kubeconfig.server} (${why}): is Berth running? "berth status" tells, "berth up" starts it`,
      { cause: error },
    );
  }
  const reason = error.reason === '' ? '' : ` (${error.reason})`;
  return new Failure(`${error.message}${reason}`, { cause: error });
}
