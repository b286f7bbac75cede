/** One process of a plane, from its first file to its last: server, and agent where wanted. */
import { mkdirSync } from 'node:fs';
import type { Log } from '../../lib/log.ts';
import { underAny } from '../../lib/under-any.ts';
import { nodeFlagsOf } from '../node/node-flags.ts';
import { readVersion } from '../version.ts';
import { type PlaneConfig, reachableHost, serverUrl } from './config.ts';
import type { PlanePaths } from './paths.ts';
import { holdPidFile, releasePidFile } from './pid-file.ts';
import type { ServerPartOptions } from './server-part.ts';
import { startTracing } from './tracing.ts';

export interface RunPlaneOptions {
  readonly paths: PlanePaths;
  readonly config: PlaneConfig;
  readonly log: Log;
  /** Called once, when requests are served and the node is ready. */
  readonly onReady: () => void;
  /** Aborts to stop everything; workloads keep running. */
  readonly signal: AbortSignal;
}

/** A node that cannot say that it is ready in this time has something to say in its log. */
const nodeReadyTimeoutMs = 30_000;

/** Resolves when it was stopped; rejects when it could not start, or when a part failed. */
export async function runPlane(options: RunPlaneOptions): Promise<void> {
  const { paths, config, log } = options;
  mkdirSync(paths.dataDir, { recursive: true, mode: 0o700 });
  const { berth: version } = readVersion();
  holdPidFile(paths.pidFile, { startedAtMs: Date.now(), version, config });
  try {
    log.info({ version, dataDir: paths.dataDir, port: config.port }, 'starting');
    const tracing = await startTracing('berth', log);
    try {
      await runParts(options);
    } finally {
      await tracing.stop();
    }
    log.info({}, 'stopped');
  } finally {
    releasePidFile(paths.pidFile);
  }
}

async function runParts({ paths, config, log, onReady, signal }: RunPlaneOptions): Promise<void> {
  const startedAtMs = Date.now();
  const [{ startServerPart }, { createMetrics }] = await Promise.all([
    import('./server-part.ts'),
    import('../../lib/prometheus.ts'),
  ]);
  const metrics = createMetrics();
  // Loaded while the server waits for its disk.
  if (config.agent) import('../node/agent-part.ts').catch(() => undefined);
  const server = await startServerPart({ paths, config, log, metrics });
  const stops = [() => server.stop()];
  const ends = [server.ended];
  try {
    if (config.agent) {
      const agent = await startAgent({ paths, config, log, metrics }, server.client);
      stops.unshift(() => agent.stop());
      ends.push(agent.ended);
      const ready = untilReady(config, server.client, startedAtMs, signal);
      await Promise.race([ready, ...ends]);
    }
    if (!signal.aborted) {
      log.info({ port: server.port, durationMs: Date.now() - startedAtMs }, 'ready');
      onReady();
      await Promise.race([stopped(signal), ...ends]);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    // The agent first: it still wants to say how its pods are.
    for (const stop of stops) await stop();
  }
}

type ClientOf = Awaited<ReturnType<typeof import('./server-part.ts').startServerPart>>['client'];

async function startAgent({ paths, config, log, metrics }: ServerPartOptions, clientOf: ClientOf) {
  const [{ startAgentPart }, { nodeIdentity }, { readNodeId }] = await Promise.all([
    import('../node/agent-part.ts'),
    import('./identity.ts'),
    import('./node-id.ts'),
  ]);
  const { nodeName, host, port } = config;
  // A second server of this plane, on another machine, must find the agent too.
  const address = reachableHost(host);
  const identity = await nodeIdentity(paths, nodeName, [address]);
  return startAgentPart({
    ...identity,
    nodeName,
    nodeId: readNodeId(paths),
    dataDir: paths.agent,
    leaseMs: config.leaseMs,
    disks: config.disks,
    ...nodeFlagsOf(config),
    client: clientOf(nodeUser(nodeName)),
    log,
    metrics,
    address,
    server: serverUrl(address, port),
  });
}

async function untilReady(
  { nodeName }: PlaneConfig,
  clientOf: ClientOf,
  sinceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { untilNodeReady } = await import('../node/agent-part.ts');
  const { Failure } = await import('../failure.ts');
  const timeout = AbortSignal.timeout(nodeReadyTimeoutMs);
  try {
    const client = clientOf(nodeUser(nodeName));
    await underAny([signal, timeout], (any) => untilNodeReady(client, nodeName, sinceMs, any));
  } catch (error) {
    if (signal.aborted || !timeout.aborted) throw error;
    throw new Failure(
      `node "${nodeName}" did not become ready within ${nodeReadyTimeoutMs / 1000} s: ` +
        'does the Docker engine answer? The log says more',
    );
  }
}

function nodeUser(nodeName: string) {
  return {
    name: `system:node:${nodeName}`,
    groups: ['system:nodes', 'system:authenticated'],
  };
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
