/** A command inside a guest, through its agent: without a terminal, its input read before it starts. */
import { PassThrough } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { orAborted } from '../../lib/or-aborted.ts';
import { type ExecOptions, type ExecSession, RuntimeError } from '../runtime.ts';
import type { Domain, Libvirt } from './libvirt.ts';
import { LibvirtError } from './rpc/connection.ts';

const answerMs = 5_000;
const pollMs = { first: 20, max: 500 } as const;
/** What the agent takes in one message, with room for its base64. */
const inputMaxBytes = 1 << 20;

interface GuestStatus {
  readonly exited: boolean;
  readonly exitcode?: number;
  readonly signal?: number;
  readonly 'out-data'?: string;
  readonly 'err-data'?: string;
}

export function startGuestExec(
  libvirt: Libvirt,
  clock: Clock,
  domain: Domain,
  options: ExecOptions,
): ExecSession {
  const stdin = options.stdin ? new PassThrough() : undefined;
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exit = (async () => {
    try {
      const input = stdin === undefined ? undefined : await readAll(stdin);
      const running = runInGuest(libvirt, clock, domain, input, options);
      const status = await orAborted(running, options.signal);
      stdout.write(Buffer.from(status['out-data'] ?? '', 'base64'));
      stderr.write(Buffer.from(status['err-data'] ?? '', 'base64'));
      return status.exitcode ?? 128 + (status.signal ?? 0);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      const missing = /No such file or directory|Failed to execute/.test(error.message);
      if (!missing) {
        const message = `the guest's agent: ${error.message}`;
        throw new RuntimeError('Unavailable', message, { cause: error });
      }
      stderr.write(`${options.command[0]}: not found\n`);
      return 127;
    } finally {
      stdout.end();
      stderr.end();
    }
  })();
  exit.catch(() => undefined);
  return { stdin, stdout, stderr, exit, resize: async () => undefined };
}

async function runInGuest(
  libvirt: Libvirt,
  clock: Clock,
  domain: Domain,
  input: Buffer | undefined,
  { command, signal, killOnAbort }: ExecOptions,
): Promise<GuestStatus> {
  const ask = (execute: string, body: unknown, call = { signal }) =>
    libvirt.agent(domain, { execute, arguments: body }, { ...call, timeoutMs: answerMs });
  const start = (argv: readonly string[], more: object) => {
    const [path, ...arg] = argv;
    // Its number is wanted also by who gives it up: to end it.
    const call = killOnAbort ? { signal: AbortSignal.timeout(2 * answerMs) } : { signal };
    // The agent's answers have the shapes that its documentation gives.
    return ask('guest-exec', { path, arg, ...more }, call) as Promise<{ readonly pid: number }>;
  };
  const data = input === undefined ? {} : { 'input-data': input.toString('base64') };
  const { pid } = await start(command, { 'capture-output': true, ...data });
  try {
    for (let waitMs: number = pollMs.first; ; waitMs = Math.min(waitMs * 2, pollMs.max)) {
      const status = (await ask('guest-exec-status', { pid })) as GuestStatus;
      if (status.exited) return status;
      await clock.sleep(waitMs, signal);
    }
  } catch (error) {
    // A guest that has no such program keeps it.
    if (killOnAbort && signal.aborted) await start(['kill', '-9', String(pid)], {});
    throw error;
  }
}

async function readAll(stream: PassThrough): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > inputMaxBytes) {
      throw new RuntimeError('InvalidSpec', `a guest's agent takes ${inputMaxBytes} bytes at most`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}
