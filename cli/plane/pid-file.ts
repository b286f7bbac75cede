/** Which process runs the plane of a data directory; a reused pid is not mistaken for it. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf, Failure } from '../failure.ts';
import type { PlaneConfig } from './config.ts';

export interface PlaneProcess {
  readonly pid: number;
  /** When it started, in the kernel's ticks since boot. */
  readonly started: string;
  readonly startedAtMs: number;
  readonly version: string;
  readonly config: PlaneConfig;
}

/** The living process that holds `path`, or `undefined`. */
export function readPidFile(path: string): PlaneProcess | undefined {
  const holder = parse(path);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/** Whether that very process still runs. */
export function isAlive({ pid, started }: Pick<PlaneProcess, 'pid' | 'started'>): boolean {
  return startOf(pid) === started;
}

/** Takes the file for this process; throws a `Failure` naming the process that has it. */
export function holdPidFile(path: string, holder: Omit<PlaneProcess, 'pid' | 'started'>): void {
  const { pid } = process;
  const own: PlaneProcess = { pid, started: startOf(pid) ?? '', ...holder };
  const draft = `${path}.${pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600 });
  try {
    for (let takeovers = 0; takeovers < 3; takeovers += 1) {
      // A link appears with its content, and only if there is none yet.
      if (tryLink(draft, path)) return;
      const other = readPidFile(path);
      if (other !== undefined) throw heldBy(other.pid, path);
      moveAside(path);
    }
    throw new Failure(`${path} is being taken by other processes: try again`);
  } finally {
    rmSync(draft, { force: true });
  }
}

export function releasePidFile(path: string): void {
  if (parse(path)?.pid === process.pid) rmSync(path, { force: true });
}

/** The start time of a living process, in the kernel's ticks; `undefined` for a dead one. */
export function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field, the name in parentheses, may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function heldBy(pid: number, path: string): Failure {
  return new Failure(
    `process ${pid} already runs Berth in this data directory (${path}): ` +
      'stop it with "berth down", or choose another --data-dir',
  );
}

function parse(path: string): PlaneProcess | undefined {
  try {
    // Written by `holdPidFile` only; anything else fails the check.
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<PlaneProcess>;
    const whole = typeof holder.pid === 'number' && typeof holder.started === 'string';
    return whole && holder.config !== undefined ? (holder as PlaneProcess) : undefined;
  } catch (error) {
    if (codeOf(error) === 'EACCES') throw error;
    return undefined;
  }
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

/** Another process may have taken over in between: then it gets its file back. */
function moveAside(path: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readPidFile(aside) !== undefined) tryLink(aside, path);
  rmSync(aside, { force: true });
}
