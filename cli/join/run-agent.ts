/** The life of an agent that joined a plane, as one process. */
import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { readPair } from '../../agent/node/node-certificates.ts';
import type { Client } from '../../client/client.ts';
import { createFailoverTransport } from '../../client/failover-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createMetrics } from '../../lib/prometheus.ts';
import { Failure } from '../failure.ts';
import { type AgentPartOptions, startAgentPart, untilNodeReady } from '../node/agent-part.ts';
import { nodeFlagsOf } from '../node/node-flags.ts';
import { unreachable } from '../plane/authority.ts';
import { reachableHost } from '../plane/config.ts';
import type { OnReady } from '../plane/foreground.ts';
import { readNodeId } from '../plane/node-id.ts';
import type { PlanePaths } from '../plane/paths.ts';
import { holdPidFile, releasePidFile } from '../plane/pid-file.ts';
import { startTracing } from '../plane/tracing.ts';
import { readVersion } from '../version.ts';
import { type Joined, joinedConfig } from './joined.ts';

export interface RunAgentOptions {
  readonly paths: PlanePaths;
  readonly joined: Joined;
  readonly log: Log;
  readonly logs?: AgentPartOptions['logs'];
  readonly onReady: OnReady;
  readonly signal: AbortSignal;
}

const connectTimeoutMs = 5_000;
const retryMs = 500;
const aloneMs = 10_000;

/** Resolves when it was stopped; what runs goes on. */
export async function runJoinedAgent(options: RunAgentOptions): Promise<void> {
  const { paths, joined, log, signal } = options;
  mkdirSync(paths.agent, { recursive: true, mode: 0o700 });
  const { berth: version } = readVersion();
  const config = joinedConfig(joined);
  holdPidFile(paths.pidFile, { startedAtMs: Date.now(), version, config });
  try {
    const { nodeName, servers } = joined;
    log.info({ version, dataDir: paths.dataDir, nodeName, servers }, 'starting agent');
    const tracing = await startTracing('berth-agent', log);
    try {
      await run(options);
    } finally {
      await tracing.stop();
    }
    log.info({}, 'stopped');
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    releasePidFile(paths.pidFile);
  }
}

async function run({ paths, joined, log, logs, onReady, signal }: RunAgentOptions): Promise<void> {
  const startedAtMs = Date.now();
  const { servers, nodeName, ca, certificateSeconds: seconds } = joined;
  const { pair, serving } = await certificates(paths, joined);
  const transport = createFailoverTransport({
    servers,
    ca,
    ...pair,
    onSwitch: (from, to, error) => log.warn({ from, to, err: error }, 'turning to another server'),
  });
  const client = createClient(transport, {
    userAgent: `berth-agent/${readVersion().berth}`,
    clock: systemClock,
  });
  // Also a machine that boots alone must come up, with what it last knew.
  const address =
    joined.address ?? (await addressTowards(servers).catch(() => reachableHost('0.0.0.0')));
  const part = startAgentPart({
    nodeName,
    nodeId: readNodeId(paths),
    dataDir: paths.agent,
    client,
    log,
    ...serving,
    ca,
    address,
    server: servers[0] ?? '',
    leaseMs: joined.leaseMs,
    disks: joined.disks,
    ...nodeFlagsOf(joined),
    ...(logs === undefined ? {} : { logs }),
    metrics: createMetrics(),
    certificates: {
      dir: paths.agentPki,
      seconds,
      onClient: (renewed) => transport.useCertificate(renewed),
    },
  });
  try {
    void tellReady(client, { nodeName, startedAtMs, log, onReady, signal });
    await Promise.race([part.ended, aborted(signal)]);
  } finally {
    await part.stop();
    transport.close();
  }
}

interface Beginning {
  readonly nodeName: string;
  readonly startedAtMs: number;
  readonly log: Log;
  readonly onReady: OnReady;
  readonly signal: AbortSignal;
}

/** An agent whose servers are silent for `aloneMs` counts as started: it needs none for what it knows. */
async function tellReady(client: Client, beginning: Beginning): Promise<void> {
  const { nodeName, startedAtMs, log, onReady, signal } = beginning;
  let told = false;
  while (!signal.aborted) {
    try {
      await untilNodeReady(client, nodeName, startedAtMs, signal);
      log.info({ nodeName, durationMs: Date.now() - startedAtMs }, 'ready');
      if (!told) onReady();
      return;
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error }, 'no server answers yet');
    }
    if (!told && Date.now() - startedAtMs > aloneMs) {
      log.warn({ nodeName }, 'no server answers, going on without');
      onReady(
        'no server answers: the agent runs what this node last had, and goes on asking for more',
      );
      told = true;
    }
    await systemClock.sleep(retryMs, signal).catch(() => undefined);
  }
}

async function certificates(paths: PlanePaths, { nodeName }: Joined) {
  const [pair, serving] = await Promise.all([
    readPair(paths.agentPki, 'client'),
    readPair(paths.agentPki, 'serving'),
  ]);
  if (pair === undefined || serving === undefined) {
    throw new Failure(`${paths.agentPki} lacks certificates of node "${nodeName}": join again`);
  }
  const { validTo } = new X509Certificate(pair.cert);
  if (Date.parse(validTo) > Date.now()) return { pair, serving };
  throw new Failure(
    `the certificate of node "${nodeName}" expired on ${validTo}: join again with a new token ` +
      '("berth token create --print-join-command" on the server)',
  );
}

/** Our own address on the way to the first server that answers; the loopback when none does. */
export async function addressTowards(servers: readonly string[]): Promise<string> {
  for (const server of servers) {
    const address = await ownAddress(server).catch(() => undefined);
    if (address !== undefined) return address;
  }
  const [server = ''] = servers;
  return ownAddress(server);
}

function ownAddress(server: string): Promise<string> {
  const { hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port || 443) }, () => {
      resolve(socket.localAddress ?? '127.0.0.1');
      socket.destroy();
    });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('timed out')));
    socket.on('error', (cause) => reject(unreachable(server, cause)));
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
