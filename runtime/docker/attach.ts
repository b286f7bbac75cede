import { type Duplex, PassThrough, Writable } from 'node:stream';
import type Docker from 'dockerode';
import { type AttachOptions, type AttachSession, RuntimeError } from '../runtime.ts';
import { toRuntimeError } from './errors.ts';
import { detachKeys, pump } from './pump.ts';
import type { Found } from './status.ts';

/** Joins the container's own process. Aborting leaves it, and with `stdinOnce` ends its input. */
export async function attachTo(
  docker: Docker,
  { info }: Found,
  options: AttachOptions,
): Promise<AttachSession> {
  const { signal, container } = options;
  const { Tty: tty, StdinOnce: once, OpenStdin: open } = info.Config;
  const failed = (error: unknown) =>
    toRuntimeError(error, { 404: 'NotFound', 409: 'NotFound' }, { container });
  // The engine would let us wait for a container that has ended.
  if (!info.State.Running) {
    throw new RuntimeError('NotFound', `container "${container}" is not running`, { container });
  }
  const handle = docker.getContainer(info.Id);
  const stdin = options.stdin && open;
  let socket: Duplex;
  try {
    // The typings know plain streams only; with `hijack` it is the connection itself.
    socket = (await handle.attach({
      stream: true,
      hijack: true,
      stdin,
      stdout: true,
      stderr: true,
      detachKeys,
      abortSignal: signal,
    })) as Duplex;
  } catch (error) {
    throw failed(error);
  }
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const ended = untilEnded({ socket, tty, stdout, stderr, signal, failed });
  // Whoever does not ask for the end must not bring the process down when the connection breaks.
  ended.catch(() => undefined);
  return {
    stdin: stdin ? inputOf(socket, once && !tty) : undefined,
    stdout,
    stderr,
    ended,
    async resize({ columns, rows }) {
      try {
        await handle.resize({ w: columns, h: rows, abortSignal: signal });
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

interface Joined {
  readonly socket: Duplex;
  readonly tty: boolean;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => unknown;
}

async function untilEnded({ socket, tty, stdout, stderr, signal, failed }: Joined): Promise<void> {
  const onAbort = () => socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await pump(socket, tty, stdout, stderr);
    signal.throwIfAborted();
  } catch (error) {
    throw signal.aborted ? signal.reason : failed(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    stdout.end();
    stderr.end();
    socket.destroy();
  }
}

/** What is written goes to the process; where its input shall stay open, the end goes nowhere. */
function inputOf(socket: Duplex, ends: boolean): Writable {
  const input = new Writable({
    write: (chunk, _encoding, done) => void socket.write(chunk, (error) => done(error)),
    final: (done) => {
      // Otherwise the engine takes the end of the input for a wish to leave.
      if (ends) socket.end(done);
      else done();
    },
  });
  input.on('error', () => undefined);
  socket.on('close', () => input.destroy());
  return input;
}
