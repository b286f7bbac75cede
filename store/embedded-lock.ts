import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Holds a directory for this process until `release`. */
export interface DirectoryLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's ticks: tells a pid from its later reuse. */
  readonly started: string | undefined;
  readonly token: string;
}

/** How often a lock that was left behind is taken over before giving up. */
const maxTakeovers = 5;

/**
 * Takes the lock of a directory, or throws an Error that names the process holding it. The lock of
 * a process that died, however it died, is taken over.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock');
  const own: Holder = {
    pid: process.pid,
    started: startOf(process.pid),
    token: randomUUID(),
  };
  const draft = join(directory, `lock.${own.token}`);
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600 });
  try {
    for (let i = 0; i < maxTakeovers; i += 1) {
      // A link appears with its content, and only if there is none yet.
      if (tryLink(draft, path)) return { release: () => release(path, own) };
      removeIfStale(directory, path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new Error(`could not take the lock ${path}: other processes take it at the same time`);
}

function removeIfStale(directory: string, path: string): void {
  const holder = readHolder(path);
  if (holder === 'gone') return;
  if (holder !== 'unreadable' && isAlive(holder)) {
    throw new Error(`the store in ${directory} is in use by the process with pid ${holder.pid}`);
  }
  const aside = join(directory, `lock.${randomUUID()}`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  // Another process may have taken over between our look and our rename: then give it back.
  const moved = readHolder(aside);
  if (moved !== 'gone' && moved !== 'unreadable' && isAlive(moved)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, own: Holder): void {
  const holder = readHolder(path);
  if (typeof holder === 'object' && holder.token === own.token) rmSync(path, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): Holder | 'gone' | 'unreadable' {
  try {
    // The file is written only by this module; anything else fails the check below.
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof holder.pid !== 'number' || typeof holder.token !== 'string') return 'unreadable';
    return { pid: holder.pid, started: holder.started, token: holder.token };
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'gone' : 'unreadable';
  }
}

function isAlive({ pid, started }: Holder): boolean {
  if (started !== undefined) return startOf(pid) === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** The start time of a living process; `undefined` for a dead one, and where there is no /proc. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field, the name in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
