/** `berth server`: API, controllers and scheduler in the foreground, without an agent. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { refuseJoined } from '../join/joined.ts';
import { loadConfig, resolveConfig } from '../plane/config.ts';
import {
  addLogLevel,
  addServerOptions,
  type PlaneCommandOptions,
  planeFlags,
} from '../plane/options.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';
import { portInUse, probePort } from '../plane/ports.ts';

export function serverCommand(): Command {
  const command = newCommand({
    name: 'server',
    purpose:
      'Runs the API, the controllers and the scheduler in the foreground, logging JSON lines to\n' +
      'standard error, until SIGTERM. Several servers may share one etcd.',
    examples: [
      'berth server --data-dir /var/lib/berth',
      'berth server --host 0.0.0.0 --store etcd://10.0.0.1:2379,10.0.0.2:2379',
    ],
  });
  return addLogLevel(addServerOptions(command)).action(server);
}

async function server(options: PlaneCommandOptions): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  refuseJoined(paths);
  const flags = { ...planeFlags(options), agent: false };
  const config = resolveConfig(paths, flags, loadConfig(paths.dataDir));
  const taken = await probePort(config.host, config.port);
  if (taken === 'EADDRINUSE') throw await portInUse(config.host, config.port);
  if (taken !== undefined) {
    throw new Failure(`cannot listen on ${config.host}:${config.port} (${taken})`);
  }
  const { runInForeground } = await import('../plane/foreground.ts');
  const onReady = () => process.stderr.write(`kubeconfig: ${paths.kubeconfig}\n`);
  await runInForeground({ paths, config, logLevel: options.logLevel, onReady });
}
