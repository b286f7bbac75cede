/**
 * File systems whose writers are held still for a while. A process of its own holds them: it lets go when
 * the time is over, and when the agent dies.
 */
import { spawn } from 'node:child_process';
import type { CallOptions } from '../../lib/call.ts';
import { underAny } from '../../lib/under-any.ts';
import { runTool, VolumeError } from './volume-error.ts';

/** No writer is held longer. */
export const heldMaxMs = 10_000;

/** Does something while nobody writes; the signal aborts when writers cannot be held any longer. */
export type Hold = <T>(task: (options: CallOptions) => Promise<T>) => Promise<T>;

/** Frozen from `echo` on, until its input ends or time is over; 137 is a `cat` that had to be ended. */
const script = `trap '' HUP INT TERM
fsfreeze --freeze "$1" || exit 2
echo frozen
timeout -s KILL "$2" cat >/dev/null
late=$?
fsfreeze --unfreeze "$1" || exit 3
exit $late`;

/** Runs `task` while the file system at `path` is frozen; `InUse` when it takes too long. */
export async function frozen<T>(
  path: string,
  task: (options: CallOptions) => Promise<T>,
  options: CallOptions & { readonly maxMs?: number },
): Promise<T> {
  // Most of what is not on the disk yet gets there before anybody is held.
  await runTool('sync', ['--file-system', path], options);
  const keeper = holdFrozen(path, (options.maxMs ?? heldMaxMs) / 1_000);
  const over = new AbortController();
  void keeper.ended.then(() => over.abort(tooLong()));
  let value: T;
  try {
    await keeper.began;
    value = await underAny([options.signal, over.signal], (signal) => task({ signal }));
  } catch (error) {
    await keeper.letGo();
    throw error;
  }
  // Whatever was read after the end may have been changed meanwhile.
  if (!(await keeper.letGo())) throw tooLong();
  return value;
}

/** Lets the writers of a file system go on that an agent has left frozen; resolves also when none did. */
export async function thaw(path: string, options: CallOptions): Promise<void> {
  await runTool('fsfreeze', ['--unfreeze', path], { ...options, mayFail: /Invalid argument/i });
}

export function tooLong(): VolumeError {
  const message =
    `it takes longer than the ${heldMaxMs / 1_000} s that those who write to it are held; stop ` +
    'them, or let it lie on a disk whose file system shares blocks (xfs and btrfs do)';
  return new VolumeError('InUse', message);
}

interface Keeper {
  /** Resolves when the file system is frozen. */
  readonly began: Promise<void>;
  readonly ended: Promise<number>;
  /** Resolves when the writers go on, with whether they were held until then. */
  letGo(): Promise<boolean>;
}

/** Without the caller's signal: who kills it leaves the file system frozen. */
function holdFrozen(path: string, seconds: number): Keeper {
  const child = spawn('sh', ['-c', script, 'sh', path, String(seconds)], { detached: true });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(0, 1_000);
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => {
    child.on('error', () => resolve(2));
    child.on('close', (code) => resolve(code ?? 1));
  });
  const began = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    void ended.then(() => reject(new VolumeError('Failed', `${path}: ${complaint.trim()}`)));
  });
  const letGo = async () => {
    child.stdin.end();
    return (await ended) === 0;
  };
  return { began, ended, letGo };
}
