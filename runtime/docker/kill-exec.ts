import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { Clock } from '../../lib/clock.ts';

/** How long the engine may take to name the process. */
const answerMs = 2_000;

/**
 * Ends a process that was started beside a container's own. The engine only tells its number, as
 * the engine's machine counts; it is killed if on this machine that number belongs to the container.
 * An engine elsewhere, or one whose processes are not ours to kill, keeps it. Never throws.
 */
export async function killExec(
  exec: Docker.Exec,
  containerId: string,
  clock: Clock,
): Promise<void> {
  const late = new AbortController();
  const done = new AbortController();
  clock.sleep(answerMs, done.signal).then(
    () => late.abort(),
    () => undefined,
  );
  try {
    const { Pid, Running } = await exec.inspect({ abortSignal: late.signal });
    if (!Running || Pid <= 0) return;
    const groups = await readFile(`/proc/${Pid}/cgroup`, 'utf8');
    if (groups.includes(containerId)) process.kill(Pid, 'SIGKILL');
  } catch {
    // It has ended, or is out of reach: nothing more can be done.
  } finally {
    done.abort();
  }
}
