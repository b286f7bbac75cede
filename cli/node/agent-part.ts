/** The agent of this machine, wired to its runtimes. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { runAgent } from '../../agent/agent.ts';
import { measuredRuntime } from '../../agent/agent-metrics.ts';
import type { AgentOptions } from '../../agent/agent-options.ts';
import { findCondition } from '../../api/conditions.ts';
import type { Node } from '../../api/kinds.gen.ts';
import { nodes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { systemRandom } from '../../lib/random.ts';
import { CniNetworks } from '../../runtime/cni/networks.ts';
import type { LogLimits } from '../../runtime/docker/container-options.ts';
import { interfaceAddresses } from '../../runtime/network/interface-addresses.ts';
import { mendRules } from '../../runtime/network/mend-rules.ts';
import { ensureNameFallback } from '../../runtime/network/name-fallback.ts';
import { parseDisk } from './disks.ts';
import { keeperProgram } from './keeper-program.ts';
import type { NodeFlags } from './node-flags.ts';
import { machinesDir, openRuntimes } from './runtimes.ts';
import { thresholdSettings } from './thresholds.ts';

export interface AgentPartOptions extends NodeFlags {
  readonly nodeName: string;
  readonly nodeId: string;
  readonly dataDir: string;
  readonly client: Client;
  readonly log: Log;
  /** PEM; the server of logs and exec shows it. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority that signs the apiserver's certificate for agents. */
  readonly ca: string;
  /** Where the apiserver reaches this node. */
  readonly address: string;
  /** As `https://host:port`, for programs in pods. */
  readonly server: string;
  readonly metrics: Metrics;
  /** What a container may leave in its log. @default the runtime's */
  readonly logs?: LogLimits;
  readonly leaseMs?: number | undefined;
  /** Each as `--disk` takes it. @default one in the data directory */
  readonly disks?: readonly string[] | undefined;
  readonly certificates?: AgentOptions['certificates'];
}

export interface AgentPart {
  /** Resolves when it was stopped; rejects when it failed. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const readyPollMs = 25;

export function startAgentPart(options: AgentPartOptions): AgentPart {
  const { nodeName, nodeId, client, dataDir, address, cert, key, ca } = options;
  const log = options.log.child({ part: 'agent' });
  const stop = new AbortController();
  const { metrics, logs, network, cniConfDir: confDir, cniBinDirs: pluginDirs } = options;
  const cni = new CniNetworks({
    stateDir: join(dataDir, 'cni'),
    log,
    ...(confDir === undefined ? {} : { confDir }),
    ...(pluginDirs === undefined ? {} : { pluginDirs }),
  });
  const run = async () => {
    const runtimes = await openRuntimes({ nodeId, dataDir, clock: systemClock, log, logs, cni });
    const measured = runtimes.map((each) => measuredRuntime(each, metrics, systemClock));
    try {
      await runAgent({ ...settings, runtimes: measured });
    } finally {
      await Promise.all(runtimes.map((each) => each.close()));
    }
  };
  const settings: Omit<AgentOptions, 'runtimes'> = {
    nodeName,
    client,
    metrics,
    dataDir,
    machinesDir: machinesDir(nodeId),
    clock: systemClock,
    random: systemRandom,
    log,
    signal: stop.signal,
    serving: { cert, key, clientCa: ca, host: address, port: 0 },
    leaseMs: options.leaseMs,
    cni,
    ...thresholdSettings(options),
    ...(network === undefined ? {} : { nodeNetwork: network }),
    ...(options.disks === undefined ? {} : { disks: options.disks.map(parseDisk) }),
    ...(options.certificates === undefined ? {} : { certificates: options.certificates }),
    apiServer: placeOf(options.server),
    mendNetwork: mendRules,
    names: {
      keeper: keeperProgram(dataDir, log),
      fallBackTo: ensureNameFallback,
      readConf: () => readFile('/etc/resolv.conf', 'utf8'),
      addressesOf: interfaceAddresses,
    },
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: hostname() },
    ],
  };
  const ended = run();
  return {
    ended,
    async stop() {
      stop.abort(new Error('the agent stops'));
      await ended.catch(() => undefined);
    },
  };
}

function placeOf(server: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}

/** Resolves when the node has said in this life that it is ready. */
export async function untilNodeReady(
  client: Client,
  name: string,
  sinceMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      const node = await client.get<Node>(nodes, { name }, { signal });
      const ready = findCondition(node.status?.conditions, 'Ready');
      const heartbeatMs = Date.parse(ready?.lastHeartbeatTime ?? '');
      // Times have seconds only.
      if (ready?.status === 'True' && heartbeatMs >= sinceMs - 1_000) return;
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
    await systemClock.sleep(readyPollMs, signal);
  }
}
