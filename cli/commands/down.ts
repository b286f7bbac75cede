/** `berth down`: ends the background process; what it runs goes on. */
import type { Command } from 'commander';
import { newCommand } from '../command.ts';
import { Failure } from '../failure.ts';
import { dataDirHelp } from '../plane/options.ts';
import { defaultDataDir, planePaths } from '../plane/paths.ts';
import { isAlive, readPidFile } from '../plane/pid-file.ts';

/** After this long it is killed, which harms nothing. */
const graceMs = 10_000;
const killMs = 5_000;
const pollMs = 20;

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
  if (running === undefined) {
    process.stdout.write(`Berth does not run in ${paths.dataDir}: nothing to stop.\n`);
    return;
  }
  const { pid } = running;
  send(pid, 'SIGTERM');
  if (!(await ended(running, graceMs))) {
    process.stderr.write(
      `berth: process ${pid} did not end within ${graceMs / 1000} s: killing it\n`,
    );
    send(pid, 'SIGKILL');
    if (!(await ended(running, killMs))) {
      throw new Failure(
        `process ${pid} cannot be killed: it waits for the kernel, see "ps ${pid}"`,
      );
    }
  }
  const again = running.config.servers === undefined ? 'berth up' : 'berth agent';
  const rest = running.config.agent
    ? ` Its workloads keep running; "${again}" finds them again.`
    : '';
  process.stdout.write(`Berth has stopped.${rest}\n`);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return; // Errors of kill carry a code.
    throw new Failure(`process ${pid} belongs to another user: run "berth down" as that user`, {
      cause: error,
    });
  }
}

async function ended(running: { pid: number; started: string }, timeoutMs: number) {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += pollMs) {
    if (!isAlive(running)) return true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return !isAlive(running);
}
