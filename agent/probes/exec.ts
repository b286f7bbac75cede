import type { Readable } from 'node:stream';
import type { CallOptions } from '../../lib/call.ts';
import { LimitedText } from './outcome.ts';
import type { ContainerTarget } from './target.ts';

export interface CommandResult {
  readonly exitCode: number;
  /** What it wrote on both streams, cut. */
  readonly output: string;
}

/** Runs a command inside the container; throws `RuntimeError` when that is not possible. */
export async function runCommand(
  { runtime, uid, container }: ContainerTarget,
  command: readonly string[],
  { signal }: CallOptions,
): Promise<CommandResult> {
  const session = await runtime.exec(uid, {
    container: container.name,
    command,
    tty: false,
    stdin: false,
    killOnAbort: true,
    signal,
  });
  const output = new LimitedText();
  const [exitCode] = await Promise.all([
    session.exit,
    drain(session.stdout, output),
    drain(session.stderr, output),
  ]);
  return { exitCode, output: output.toString() };
}

/** Reads to the end, so that the process is not held up by what nobody wants to have. */
async function drain(source: Readable, output: LimitedText): Promise<void> {
  for await (const chunk of source) output.add(Buffer.from(chunk));
}
