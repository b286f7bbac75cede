/** Ends the process of a data directory; what it runs goes on. */
import { Failure } from '../failure.ts';
import { isAlive, type PlaneProcess } from './pid-file.ts';

/** After this long it is killed, which harms nothing. */
const graceMs = 10_000;
const killMs = 5_000;
const pollMs = 20;

type Running = Pick<PlaneProcess, 'pid' | 'started'>;

/** Resolves when it has ended; throws a `Failure` when it cannot be. */
export async function stopProcess(running: Running): Promise<void> {
  const { pid } = running;
  send(pid, 'SIGTERM');
  if (await ended(running, graceMs)) return;
  process.stderr.write(
    `berth: process ${pid} did not end within ${graceMs / 1000} s: killing it\n`,
  );
  send(pid, 'SIGKILL');
  if (await ended(running, killMs)) return;
  throw new Failure(`process ${pid} cannot be killed: it waits for the kernel, see "ps ${pid}"`);
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

async function ended(running: Running, timeoutMs: number) {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += pollMs) {
    if (!isAlive(running)) return true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return !isAlive(running);
}
