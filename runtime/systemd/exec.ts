/**
 * A process beside a unit's own: in its namespaces, root directory and control groups, as its user
 * and with its environment. A terminal is made by script(1), because Node has none of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { type ExecOptions, type ExecSession, RuntimeError } from '../runtime.ts';
import type { Unit } from './unit.ts';

const resizePolls = { count: 250, everyMs: 20 } as const;

export async function startExec(
  clock: Clock,
  { mainPid, labels }: Unit,
  options: ExecOptions,
): Promise<ExecSession> {
  const { tty, stdin, signal, command } = options;
  const host = await lookAt(mainPid).catch((cause) => {
    const message = `container "${labels.container}" is not running`;
    throw new RuntimeError('NotFound', message, { container: labels.container, cause });
  });
  const inside = [
    ...['nsenter', `--target=${mainPid}`, '--mount', '--uts', '--ipc', '--net', '--pid'],
    ...['--root', '--wd', `--setuid=${host.uid}`, `--setgid=${host.gid}`, '--', ...command],
  ];
  const joining = ['/bin/sh', '-c', joinGroups, 'sh', host.groupFiles, ...inside];
  const argv = tty ? ['script', '-q', '-e', '-c', quoted(joining), '/dev/null'] : joining;
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    env: { ...host.environment, ...(tty ? { TERM: host.environment['TERM'] ?? 'xterm' } : {}) },
    stdio: [stdin ? 'pipe' : tty ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    // A group of its own, so that it can be ended with all that it started.
    detached: true,
  });
  const onAbort = () => endGroup(child);
  signal.addEventListener('abort', onAbort, { once: true });
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  child.stdout?.pipe(stdout);
  child.stderr?.pipe(stderr);
  child.stdin?.on('error', () => undefined);
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new RuntimeError('Unavailable', `${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(signal.reason);
      else resolve(code ?? (killedBy === 'SIGKILL' ? 137 : 143));
    });
  });
  exit.catch(() => undefined);
  return {
    stdin: stdin ? (child.stdin ?? undefined) : undefined,
    stdout,
    stderr,
    exit,
    async resize({ columns, rows }) {
      if (!tty) return;
      const terminal = await terminalOf(clock, child, signal);
      const size = ['rows', String(rows), 'cols', String(columns)];
      const stty = spawn('stty', ['-F', terminal, ...size], { signal, stdio: 'ignore' });
      await new Promise<void>((resolve, reject) => {
        stty.on('error', reject);
        stty.on('close', () => resolve());
      });
    },
  };
}

/** Its first argument is a list of files; what follows runs in the groups that they stand for. */
const joinGroups = 'for f in $1; do { echo $$ > "$f"; } 2>/dev/null; done; shift; exec "$@"';

interface Host {
  readonly uid: string;
  readonly gid: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly groupFiles: string;
}

async function lookAt(pid: number): Promise<Host> {
  if (pid === 0) throw new Error('it has no process');
  const [status, environ, cgroup] = await Promise.all(
    ['status', 'environ', 'cgroup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
  );
  const effective = (name: string) =>
    new RegExp(`^${name}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status ?? '')?.[1] ?? '0';
  const variables = (environ ?? '').split('\0').filter((each) => each.includes('='));
  return {
    uid: effective('Uid'),
    gid: effective('Gid'),
    environment: Object.fromEntries(
      variables.map((each) => [
        each.slice(0, each.indexOf('=')),
        each.slice(each.indexOf('=') + 1),
      ]),
    ),
    groupFiles: groupFiles(cgroup ?? '').join(' '),
  };
}

/** From `/proc/<pid>/cgroup` to the files that processes are moved by. */
export function groupFiles(cgroup: string): readonly string[] {
  return cgroup
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', ...path] = line.split(':');
      const directory = path.join(':');
      if (controllers !== '') {
        const mount = controllers.replace(/^name=/, '');
        return [`/sys/fs/cgroup/${mount}${directory}/cgroup.procs`];
      }
      const unified = `${directory}/cgroup.procs`;
      return [`/sys/fs/cgroup${unified}`, `/sys/fs/cgroup/unified${unified}`];
    });
}

function quoted(argv: readonly string[]): string {
  return argv.map((each) => `'${each.replaceAll("'", "'\\''")}'`).join(' ');
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** The terminal that script made for its child, as soon as there is one. */
async function terminalOf(clock: Clock, { pid }: ChildProcess, signal: AbortSignal) {
  for (let poll = 0; poll < resizePolls.count; poll += 1) {
    for (const child of await childrenOf(pid ?? 0)) {
      const terminal = await readlink(`/proc/${child}/fd/0`).catch(() => '');
      if (terminal.startsWith('/dev/pts/')) return terminal;
    }
    await clock.sleep(resizePolls.everyMs, signal);
  }
  throw new RuntimeError('Unavailable', 'the terminal was not made in time');
}

async function childrenOf(pid: number): Promise<readonly string[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists
    .join(' ')
    .split(/\s+/)
    .filter((each) => each !== '');
}
