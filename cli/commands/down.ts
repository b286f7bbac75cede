/** `berth down`: ends the background process; what it runs goes on. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, type PlanePaths, planePaths } from '../plane/paths.ts';
import { readPidFile } from '../plane/pid-file.ts';
import { stopProcess } from '../plane/stop-process.ts';
import { installedUnit, isActive, stopUnit } from '../service/service.ts';

export function downCommand(): Command {
  return newCommand({
    name: 'down',
    purpose:
      'Stops server and agent of this machine and waits until they have ended. Workloads keep\n' +
      'running; "berth up" finds them again. To end them, delete them first.',
    examples: [
      'berth down',
      'berth down --data-dir /tmp/second',
      'berth delete workloads --all && berth down     # nothing is left running',
    ],
  })
    .option('--data-dir <dir>', dataDirHelp)
    .action(down);
}

async function down(options: { readonly dataDir?: string }): Promise<void> {
  const paths = planePaths(options.dataDir ?? defaultDataDir());
  const running = readPidFile(paths.pidFile);
  const unit = await activeUnit(paths);
  if (unit === undefined && running === undefined) {
    process.stdout.write(`Berth does not run in ${paths.dataDir}: nothing to stop.\n`);
    return;
  }
  // What systemd started it would start again.
  if (unit !== undefined) await stopUnit(unit);
  else if (running !== undefined) await stopProcess(running);
  const again = running?.config.servers === undefined ? 'berth up' : 'berth join';
  const rest = running?.config.agent
    ? ` Its workloads keep running; "${again}" finds them again.`
    : '';
  const boot = unit === undefined ? '' : ` ${unit} starts it again with the machine.`;
  process.stdout.write(`Berth has stopped.${rest}${boot}\n`);
}

/** The service that runs it, or is about to. */
async function activeUnit(paths: PlanePaths): Promise<string | undefined> {
  const unit = installedUnit(paths);
  return unit !== undefined && (await isActive(unit)) ? unit : undefined;
}
