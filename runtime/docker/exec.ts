import { type Duplex, PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../../lib/clock.ts';
import { type ExecOptions, type ExecSession, RuntimeError } from '../runtime.ts';
import { toRuntimeError } from './errors.ts';
import { killExec } from './kill-exec.ts';
import { detachKeys, pump } from './pump.ts';
import type { Found } from './status.ts';

/** How long the engine may still call an exec running after its output has ended. */
const exitPolls = { count: 100, everyMs: 20 } as const;
/** On a busy machine a process may take seconds to start. */
const resizeAttemptsMax = 250;

/**
 * Starts a process beside the container's own. Its two outputs share one connection, so a reader
 * that stops reading one of them holds up the other. The engine has no call to end the process:
 * aborting cuts the connection, and with `killOnAbort` the machine's kernel is asked.
 */
export async function startExec(
  docker: Docker,
  clock: Clock,
  { info }: Found,
  options: ExecOptions,
): Promise<ExecSession> {
  const { signal, tty, container } = options;
  const failed = (error: unknown) =>
    toRuntimeError(error, { 404: 'NotFound', 409: 'NotFound' }, { container });
  let exec: Docker.Exec | undefined;
  let socket: Duplex;
  try {
    exec = await docker.getContainer(info.Id).exec({
      Cmd: [...options.command],
      AttachStdin: options.stdin,
      AttachStdout: true,
      AttachStderr: !tty,
      Tty: tty,
      DetachKeys: detachKeys,
      abortSignal: signal,
    });
    socket = await exec.start({
      hijack: true,
      stdin: options.stdin,
      Tty: tty,
      abortSignal: signal,
    });
  } catch (error) {
    if (exec !== undefined && endsWithCall(options)) await killExec(exec, info.Id, clock);
    throw failed(error);
  }
  const started = exec;
  const onAbort = () => socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exit = (async () => {
    try {
      await pump(socket, tty, stdout, stderr);
      return await exitCode(started, clock, signal);
    } catch (error) {
      if (endsWithCall(options)) await killExec(started, info.Id, clock);
      throw signal.aborted ? signal.reason : failed(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      stdout.end();
      stderr.end();
      socket.destroy();
    }
  })();
  // Whoever does not ask for the exit must not bring the process down when the connection breaks.
  exit.catch(() => undefined);
  return {
    stdin: options.stdin ? socket : undefined,
    stdout,
    stderr,
    exit,
    async resize({ columns, rows }) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await started.resize({ w: columns, h: rows, abortSignal: signal });
          return;
        } catch (error) {
          // The connection is there a moment before the process.
          if (attempt === resizeAttemptsMax) throw failed(error);
          await clock.sleep(exitPolls.everyMs, signal);
        }
      }
    },
  };
}

function endsWithCall({ signal, killOnAbort }: ExecOptions): boolean {
  return killOnAbort === true && signal.aborted;
}

async function exitCode(exec: Docker.Exec, clock: Clock, signal: AbortSignal): Promise<number> {
  for (let poll = 0; poll < exitPolls.count; poll += 1) {
    const info = await exec.inspect({ abortSignal: signal });
    if (!info.Running && info.ExitCode !== null) return info.ExitCode;
    await clock.sleep(exitPolls.everyMs, signal);
  }
  throw new RuntimeError('Unavailable', 'the engine did not tell how the process ended');
}
