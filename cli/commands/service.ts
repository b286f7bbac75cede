/** `berth service`: Berth as a service of systemd, which starts it with the machine. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { loadJoined } from '../join/joined.ts';
import { loadConfig } from '../plane/config.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';
import { stopProcess } from '../plane/stop-process.ts';
import {
  hasSystemd,
  installedUnit,
  installUnit,
  pidOf,
  startService,
  uninstallUnit,
} from '../service/service.ts';

interface ServiceOptions {
  readonly dataDir?: string;
}

export function serviceCommand(): Command {
  const command = newCommand({
    name: 'service',
    purpose:
      'Makes what runs in the data directory, a plane or the agent of a node that\n' +
      'joined, a service of systemd: it starts with the machine, and again when it\n' +
      'was killed. "berth up" and "berth down" work as before. Workloads are not\n' +
      'touched.',
    examples: [
      'berth up && berth service install',
      'berth join https://10.0.0.1:6443 --token … --ca-hash … && berth service install',
      'berth service uninstall',
    ],
  });
  const add = (name: string, summary: string, run: (paths: PlanePaths) => Promise<void>) =>
    command
      .command(name)
      .description(summary)
      .option('--data-dir <dir>', dataDirHelp)
      .action(({ dataDir }: ServiceOptions) => {
        refuseHere();
        return run(planePaths(dataDir ?? defaultDataDir()));
      });
  add('install', 'start it with the machine from now on, and now', install);
  add('uninstall', 'stop it, and no longer start it with the machine', uninstall);
  return command;
}

function refuseHere(): void {
  if (!hasSystemd()) {
    throw new Failure(
      'systemd does not run this machine: have its own service manager run "berth up --foreground", ' +
        'or "berth agent" on a node that joined',
    );
  }
  if (process.getuid?.() !== 0) throw new Failure('only root may install services: use sudo');
}

async function install(paths: PlanePaths): Promise<void> {
  const joined = loadJoined(paths) !== undefined;
  if (!joined && loadConfig(paths.dataDir) === undefined) {
    throw new Failure(
      `nothing was started in ${paths.dataDir} yet: run "berth up" or "berth join" first`,
    );
  }
  const unit = await installUnit(paths, joined ? 'agent' : 'up');
  const running = readPidFile(paths.pidFile);
  // What was started by hand goes over to systemd; workloads do not notice.
  if (running !== undefined && running.pid !== (await pidOf(unit))) await stopProcess(running);
  const pid = await startService(unit);
  process.stdout.write(
    `Berth starts with this machine from now on, as ${unit}, and runs (pid ${pid}).\n` +
      `  log  journalctl -u ${unit}\n`,
  );
}

async function uninstall(paths: PlanePaths): Promise<void> {
  const unit = installedUnit(paths);
  if (unit === undefined) {
    process.stdout.write(`No service runs what is in ${paths.dataDir}: nothing to remove.\n`);
    return;
  }
  await uninstallUnit(unit);
  const again = loadJoined(paths) === undefined ? 'berth up' : 'berth join';
  process.stdout.write(
    `${unit} is stopped and removed. Its workloads keep running; "${again}" finds them again.\n`,
  );
}
