/** Runs a program to its end, or in the background, and keeps what it printed. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Buffer;
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program is killed after this long; default 130 s, which is longer than what tests tell `kubectl wait`. */
  readonly timeoutMs?: number;
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  /** What was printed so far. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Output>;
  stop(signal?: NodeJS.Signals): Promise<Output>;
}

/** Never rejects because of the program's exit code; a signal's code is 128. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Output> {
  const { timeoutMs = 130_000, stdin } = options;
  const running = startCommand(program, args, options);
  running.child.stdin?.end(stdin);
  const timer = setTimeout(() => running.child.kill('SIGKILL'), timeoutMs);
  return running.ended.finally(() => clearTimeout(timer));
}

/** Its standard input stays open. */
export function startCommand(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Running {
  const child = spawn(program, [...args], {
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: 'pipe',
  });
  const killOnExit = () => child.kill('SIGKILL');
  process.once('exit', killOnExit);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends before it has read its input.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Output>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.off('exit', killOnExit);
      resolve({ code: code ?? 128, stdout, stderr });
    });
  });
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}
