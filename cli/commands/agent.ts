/** `berth agent`: the agent of one node, apart from its server. */
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isQuantity, parseBytes } from '../../api/quantity.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { machineName } from '../plane/config.ts';
import { engineRemedy, probeEngine } from '../plane/docker-engine.ts';
import { addLogLevel, dataDirHelp, type PlaneCommandOptions } from '../plane/options.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';

interface AgentOptions extends PlaneCommandOptions {
  readonly kubeconfig: string;
  readonly address?: string;
  readonly containerLogMaxSize: number;
  readonly containerLogMaxFiles: number;
}

const logSizeMin = 1024;
const connectTimeoutMs = 5_000;
const stopTimeoutMs = 4_500;

export function agentCommand(): Command {
  const command = newCommand({
    name: 'agent',
    purpose:
      'Runs the agent of this node in the foreground, logging JSON lines to standard error, until\n' +
      'SIGTERM. What it runs goes on without it. "berth kubeconfig --node" on the server makes its\n' +
      'kubeconfig.',
    examples: [
      'berth agent --kubeconfig n2.kubeconfig --node-name n2',
      'berth agent --kubeconfig n2.kubeconfig --node-name n2 --address 10.0.0.2',
    ],
  })
    .requiredOption('--kubeconfig <file>', 'server and credentials of this node')
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
    );
  return addLogLevel(command).action(agent);
}

async function agent(options: AgentOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const nodeName = options.nodeName ?? machineName();
  const remedy = engineRemedy(await probeEngine());
  if (remedy !== undefined) throw new Failure(remedy);
  const { loadKubeconfig } = await import('../../client/kubeconfig.ts');
  const { server, ca, cert, key, user } = loadKubeconfig(options.kubeconfig);
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new Failure(
      `${options.kubeconfig} holds no certificates: make it with "berth kubeconfig --node ${nodeName}"`,
    );
  }
  if (user.startsWith('system:node:') && user !== `system:node:${nodeName}`) {
    throw new Failure(
      `${options.kubeconfig} is for ${user}, not for node "${nodeName}": see --node-name`,
    );
  }
  const address = options.address ?? (await addressTowards(server));
  mkdirSync(paths.agent, { recursive: true, mode: 0o700 });
  const [
    { startAgentPart },
    { createClient },
    { createHttpsTransport },
    { createLog },
    { systemClock },
    { readNodeId },
    { createMetrics },
  ] = await Promise.all([
    import('../plane/agent-part.ts'),
    import('../../client/rest-client.ts'),
    import('../../client/https-transport.ts'),
    import('../../lib/log.ts'),
    import('../../lib/clock.ts'),
    import('../plane/node-id.ts'),
    import('../../lib/prometheus.ts'),
  ]);
  const transport = createHttpsTransport({ server, ca, cert, key });
  const log = createLog(options.logLevel);
  const part = startAgentPart({
    nodeName,
    nodeId: readNodeId(paths),
    dataDir: paths.agent,
    client: createClient(transport, { userAgent: 'berth-agent', clock: systemClock }),
    log,
    cert,
    key,
    ca,
    address,
    metrics: createMetrics(),
    logs: { maxBytes: options.containerLogMaxSize, maxFiles: options.containerLogMaxFiles },
  });
  log.info({ nodeName, server, address }, 'agent started');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      setTimeout(() => process.exit(0), stopTimeoutMs).unref();
      void part.stop();
    });
  }
  await part.ended;
  process.exit(0);
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

/** Our own address on the way to the server. */
function addressTowards(server: string): Promise<string> {
  const { hostname, port } = new URL(server);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 443) }, () => {
      resolve(socket.localAddress ?? '127.0.0.1');
      socket.destroy();
    });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('timed out')));
    socket.on('error', (cause) => {
      reject(
        new Failure(`no answer from ${server} (${cause.message}): is the server running there?`, {
          cause,
        }),
      );
    });
  });
}
