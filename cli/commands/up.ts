/** `berth up`: server and agent of one machine, in the background. */
import type { Command } from 'commander';
import type { LogLevel } from '../../lib/log.ts';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { refuseJoined } from '../join/joined.ts';
import { addDisk, diskHelp } from '../node/disks.ts';
import { engineRemedy, probeEngine } from '../node/docker-engine.ts';
import { addNodeOptions } from '../node/node-flags.ts';
import { checkThresholds } from '../node/thresholds.ts';
import { backgroundEnv } from '../plane/background.ts';
import {
  differences,
  loadConfig,
  type PlaneConfig,
  type PlaneFlags,
  resolveConfig,
  saveConfig,
  serverUrl,
} from '../plane/config.ts';
import {
  addLogLevel,
  addServerOptions,
  leaseHelp,
  type PlaneCommandOptions,
  patience,
  planeFlags,
} from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';
import { portInUse, probePort } from '../plane/ports.ts';
import { installedUnit, logOf, startService } from '../service/service.ts';

interface UpOptions extends PlaneCommandOptions {
  readonly foreground?: boolean;
}

export function upCommand(): Command {
  const command = newCommand({
    name: 'up',
    purpose:
      'Starts Berth on this machine: API, controllers, scheduler and the agent of this node, as one\n' +
      'background process, and waits until it is ready. Safe to run twice. Without flags it starts\n' +
      'what the data directory was last started with.',
    examples: [
      'berth up                                         # embedded store, port 6443',
      'berth up --store etcd://127.0.0.1:2379           # state in etcd',
      'berth up --data-dir /tmp/second --port 16443     # a second, independent plane',
      'berth up --foreground                            # for a service manager',
      'berth up --no-agent                              # without Docker: only the API',
    ],
  });
  addNodeOptions(addServerOptions(command))
    .option('--node-name <name>', 'name of this node (default: the host name)')
    .option('--disk <disk>', diskHelp, addDisk)
    .option('--node-lease-duration <duration>', leaseHelp, patience('--node-lease-duration'))
    .option('--agent', 'run workloads on this machine (default)')
    .option('--no-agent', 'run no workloads on this machine')
    .option('--foreground', 'stay in the foreground and log to standard error');
  return addLogLevel(command).action(up);
}

async function up(options: UpOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const inherited = process.env[backgroundEnv];
  if (inherited !== undefined && process.send !== undefined) {
    delete process.env[backgroundEnv];
    const config = JSON.parse(inherited) as PlaneConfig; // From the process that started us.
    const { runInBackground } = await import('../plane/foreground.ts');
    return runInBackground({ paths, config, logLevel: options.logLevel, onReady: () => undefined });
  }
  refuseJoined(paths);
  const flags = planeFlags(options);
  if (alreadyRunning(paths, flags)) return;
  const config = resolveConfig(paths, flags, loadConfig(paths.dataDir));
  checkThresholds(config);
  await preflight(config);
  if (options.foreground === true) {
    const { runInForeground } = await import('../plane/foreground.ts');
    const onReady = () => {
      saveConfig(paths, config);
      process.stderr.write(`kubeconfig: ${paths.kubeconfig}\n`);
    };
    return runInForeground({ paths, config, logLevel: options.logLevel, onReady });
  }
  const startedAtMs = Date.now();
  const pid = await start(paths, config, options.logLevel);
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
  process.stdout.write(
    `Berth is ready (pid ${pid}, after ${seconds} s).\n${summary(paths, config)}`,
  );
}

/** By systemd where it is a service; resolves with the process once it is ready. */
async function start(paths: PlanePaths, config: PlaneConfig, logLevel: LogLevel): Promise<number> {
  const unit = installedUnit(paths);
  if (unit === undefined) {
    const { startInBackground } = await import('../plane/background.ts');
    const { pid } = await startInBackground(paths, config, logLevel);
    saveConfig(paths, config);
    return pid;
  }
  const before = loadConfig(paths.dataDir);
  saveConfig(paths, config);
  try {
    return await startService(unit);
  } catch (error) {
    if (before !== undefined) saveConfig(paths, before);
    throw error;
  }
}

/** True when there is nothing to do; throws when what runs is not what was asked for. */
function alreadyRunning(paths: PlanePaths, flags: PlaneFlags): boolean {
  const running = readPidFile(paths.pidFile);
  if (running === undefined) return false;
  const changes = differences(flags, running.config);
  if (changes.length > 0) {
    throw new Failure(
      `Berth already runs in ${paths.dataDir} (pid ${running.pid}) with ${changes.join(', ')}: ` +
        'run "berth down" first, or choose another --data-dir',
    );
  }
  process.stdout.write(
    `Berth already runs (pid ${running.pid}).\n${summary(paths, running.config)}`,
  );
  return true;
}

/** What would fail later is said now, in one sentence. */
async function preflight({ agent, host, port }: PlaneConfig): Promise<void> {
  const taken = await probePort(host, port);
  if (taken === 'EADDRINUSE') throw await portInUse(host, port);
  if (taken === 'EACCES') {
    throw new Failure(`port ${port} may be used by root only: choose a --port above 1023`);
  }
  if (taken !== undefined) {
    throw new Failure(
      `cannot listen on ${host}:${port} (${taken}): choose another --host or --port`,
    );
  }
  if (!agent) return;
  const remedy = engineRemedy(await probeEngine());
  if (remedy !== undefined) {
    throw new Failure(`${remedy}; or start without running workloads here: --no-agent`);
  }
}

function summary(paths: PlanePaths, config: PlaneConfig): string {
  const rows = [
    ['API', serverUrl(config.host, config.port)],
    ['store', config.store],
    ['node', config.agent ? config.nodeName : 'none (--no-agent)'],
    ['data', paths.dataDir],
    ['log', logOf(paths)],
    ['kubeconfig', paths.kubeconfig],
  ];
  const lines = rows.map(([name = '', value]) => `  ${name.padEnd(11)} ${value}`);
  return `${lines.join('\n')}\n\nexport KUBECONFIG=${paths.kubeconfig}\n`;
}
