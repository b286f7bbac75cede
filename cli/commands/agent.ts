/** `berth agent`: the agent of one node, apart from its server. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { type Joined, loadJoined, saveJoined } from '../join/joined.ts';
import { addDisk, diskHelp } from '../node/disks.ts';
import { addNodeOptions, nodeFlags } from '../node/node-flags.ts';
import { checkThresholds } from '../node/thresholds.ts';
import { backgroundEnv } from '../plane/background.ts';
import { machineName } from '../plane/config.ts';
import {
  addLogLevel,
  dataDirHelp,
  leaseHelp,
  type PlaneCommandOptions,
  patience,
} from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';

interface AgentOptions extends PlaneCommandOptions {
  readonly kubeconfig?: string;
  readonly address?: string;
  readonly server?: readonly string[];
  readonly containerLogMaxSize: number;
  readonly containerLogMaxFiles: number;
}

const logSizeMin = 1024;
const stopTimeoutMs = 4_500;

export function agentCommand(): Command {
  const command = newCommand({
    name: 'agent',
    purpose:
      'Runs the agent of this node in the foreground, logging JSON lines to standard error, until\n' +
      'SIGTERM. What it runs goes on without it. A machine that joined ("berth join") needs no\n' +
      'options; else a kubeconfig from "berth kubeconfig --node" on the server.',
    examples: [
      'berth agent                                                # after "berth join"',
      'berth agent --server https://10.0.0.1:6443 --server https://10.0.0.2:6443',
      'berth agent --kubeconfig n2.kubeconfig --node-name n2 --address 10.0.0.2',
    ],
  })
    .option('--kubeconfig <file>', 'server and credentials of this node, for one that did not join')
    .option('--data-dir <dir>', dataDirHelp)
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--address <ip>', 'under which the server reaches this node (default: found out)')
    .addOption(
      new Option('--container-log-max-size <size>', 'after which a log goes on in a new file')
        .argParser(logSize)
        .default(10 << 20, '10Mi'),
    )
    .addOption(
      new Option('--container-log-max-files <n>', 'files a container has for its log')
        .argParser(logFiles)
        .default(5),
    )
    .option(
      '--server <url>',
      'of the plane it joined, remembered; several times for several servers, tried in turn',
      (url: string, urls: readonly string[] = []) => [...urls, serverOf(url)],
    )
    .option('--disk <disk>', diskHelp, addDisk)
    .option('--node-lease-duration <duration>', leaseHelp, patience('--node-lease-duration'));
  return addLogLevel(addNodeOptions(command)).action(agent);
}

async function agent(options: AgentOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const { checkRuntimes } = await import('../node/runtimes.ts');
  await checkRuntimes();
  if (options.kubeconfig !== undefined)
    return runFromKubeconfig(paths, options.kubeconfig, options);
  const known = loadJoined(paths);
  if (known === undefined) {
    throw new Failure(
      `no node has joined in ${paths.dataDir}: run "berth join" first, or name a --kubeconfig`,
    );
  }
  const joined = withFlags(known, options);
  if (joined !== known) saveJoined(paths, joined);
  const [{ runInBackground, runInForeground }, { runJoinedAgent }, { joinedConfig }] =
    await Promise.all([
      import('../plane/foreground.ts'),
      import('../join/run-agent.ts'),
      import('../join/joined.ts'),
    ]);
  const config = joinedConfig(joined);
  const { logLevel } = options;
  const onReady = () => undefined;
  const run: typeof import('../plane/run-plane.ts').runPlane = (life) =>
    runJoinedAgent({ ...life, paths, joined, logs: logsOf(options) });
  const life = { paths, config, logLevel, onReady, run };
  if (process.env[backgroundEnv] === undefined || process.send === undefined) {
    return runInForeground(life);
  }
  delete process.env[backgroundEnv];
  return runInBackground(life);
}

/** The same object when nothing was said. */
function withFlags(joined: Joined, options: AgentOptions): Joined {
  const { nodeName, server, address, nodeLeaseDuration: leaseMs, disk: disks } = options;
  if (nodeName !== undefined && nodeName !== joined.nodeName) {
    throw new Failure(
      `this machine joined as node "${joined.nodeName}", not "${nodeName}": another node needs ` +
        'another --data-dir and its own "berth join"',
    );
  }
  const node = nodeFlags(options);
  checkThresholds({ ...joined, ...node });
  const said = [server, address, leaseMs, disks, ...Object.values(node)];
  if (said.every((each) => each === undefined)) return joined;
  return {
    ...joined,
    ...node,
    ...(server === undefined ? {} : { servers: server }),
    ...(address === undefined ? {} : { address }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(disks === undefined ? {} : { disks }),
  };
}

/** The origin of an `https://` URL; throws when it is none. */
export function serverOf(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:') return url.origin;
  throw new Failure(`"${text}" is no address of a server: write https://host:port`, {
    exitCode: 2,
  });
}

async function runFromKubeconfig(
  paths: PlanePaths,
  kubeconfig: string,
  options: AgentOptions,
): Promise<void> {
  const nodeName = options.nodeName ?? machineName();
  checkThresholds(nodeFlags(options));
  const { loadKubeconfig } = await import('../../client/kubeconfig.ts');
  const { server, ca, cert, key, user } = loadKubeconfig(kubeconfig);
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new Failure(
      `${kubeconfig} holds no certificates: make it with "berth kubeconfig --node ${nodeName}"`,
    );
  }
  if (user.startsWith('system:node:') && user !== `system:node:${nodeName}`) {
    throw new Failure(`${kubeconfig} is for ${user}, not for node "${nodeName}": see --node-name`);
  }
  const [
    { startAgentPart },
    { createClient },
    { createFailoverTransport },
    { createLog },
    { systemClock },
    { readNodeId },
    { createMetrics },
    { addressTowards },
    { nodePairs },
  ] = await Promise.all([
    import('../node/agent-part.ts'),
    import('../../client/rest-client.ts'),
    import('../../client/failover-transport.ts'),
    import('../../lib/log.ts'),
    import('../../lib/clock.ts'),
    import('../plane/node-id.ts'),
    import('../../lib/prometheus.ts'),
    import('../join/run-agent.ts'),
    import('../join/node-pairs.ts'),
  ]);
  const pairs = await nodePairs(paths.agentPki, { ca, cert, key });
  const servers = options.server ?? [server];
  const address = options.address ?? (await addressTowards(servers));
  const log = createLog(options.logLevel);
  const transport = createFailoverTransport({ servers, ca, ...pairs.client });
  const part = startAgentPart({
    nodeName,
    nodeId: readNodeId(paths),
    dataDir: paths.agent,
    client: createClient(transport, { userAgent: 'berth-agent', clock: systemClock }),
    log,
    ...pairs.serving,
    ca,
    address,
    server: servers[0] ?? server,
    metrics: createMetrics(),
    logs: logsOf(options),
    leaseMs: options.nodeLeaseDuration,
    disks: options.disk,
    ...nodeFlags(options),
    certificates: {
      dir: paths.agentPki,
      onClient: (renewed) => transport.useCertificate(renewed),
    },
  });
  log.info({ nodeName, servers, address }, 'agent started');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      setTimeout(() => process.exit(0), stopTimeoutMs).unref();
      void part.stop();
    });
  }
  await part.ended;
  process.exit(0);
}

function logsOf({ containerLogMaxSize, containerLogMaxFiles }: AgentOptions) {
  return { maxBytes: containerLogMaxSize, maxFiles: containerLogMaxFiles };
}

function logSize(text: string): number {
  const bytes = isQuantity(text) ? Number(parseBytes(text)) : 0;
  if (bytes >= logSizeMin) return bytes;
  throw new InvalidArgumentError('give at least 1Ki, as 10Mi.');
}

/** Source: kubelet, which wants two: one that is written and one that is whole. */
function logFiles(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 2) return count;
  throw new InvalidArgumentError('give a number of at least 2.');
}
