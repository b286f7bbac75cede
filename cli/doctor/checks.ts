/** The checks of `berth doctor`, each one look at the machine. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { probeEngine } from '../node/docker-engine.ts';
import { findProgram, read, run } from '../node/look.ts';
import { planePaths } from '../plane/paths.ts';
import { portOwner, probePort } from '../plane/ports.ts';
import type { Finding } from './finding.ts';
import { hostPortFindings, nameFindings } from './network-checks.ts';
import { dockerFindings, hullFindings } from './runtime-checks.ts';

export interface CheckOptions {
  readonly dataDir: string;
  readonly port: number;
  /** Whether a plane of this data directory runs, so that its own port is no conflict. */
  readonly running: boolean;
  /** Whether it is a node of a plane that runs elsewhere. */
  readonly joined: boolean;
}

const diskFreeMinBytes = 1 << 30;

export async function runChecks(options: CheckOptions): Promise<readonly Finding[]> {
  const [engine, port, hulls, kubectl, ports, names] = await Promise.all([
    probeEngine(),
    checkPort(options),
    hullFindings(),
    checkKubectl(),
    hostPortFindings(options.running),
    nameFindings(planePaths(options.dataDir).agent, options.running),
  ]);
  const engineDisk = engine.type === 'ready' && existsSync(engine.rootDir);
  return [
    checkNode(),
    checkRoot(),
    ...dockerFindings(engine, options.joined),
    ...(engineDisk ? [checkDisk('Docker disk', engine.rootDir)] : []),
    checkDisk('disk', options.dataDir),
    ...checkLimits(),
    checkClock(),
    port,
    kubectl,
    ...hulls,
    ...ports,
    ...names,
    checkEtcd(),
  ];
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > 20 || (major === 20 && minor >= 19);
  return good
    ? { state: 'ok', name: 'Node.js', found: process.version }
    : {
        state: 'missing',
        name: 'Node.js',
        found: process.version,
        remedy: 'install 20.19 or newer',
      };
}

function checkRoot(): Finding {
  if (process.getuid?.() === 0) return { state: 'ok', name: 'root', found: 'yes' };
  return {
    state: 'optional',
    name: 'root',
    found: 'no',
    without: 'volumes owned by other users may fail; state goes to ~/.local/share/berth',
    remedy: 'run "berth up" as root',
  };
}

/** Too few of these show up as "too many open files" or as watches that fail. */
function checkLimits(): readonly Finding[] {
  const nofile = Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits'))?.[1] ?? 0);
  const inotify = Number(read('/proc/sys/fs/inotify/max_user_instances'));
  return [
    atLeast('open files', nofile, 4_096, 'ulimit -n 65536, or LimitNOFILE= of the service'),
    atLeast('inotify', inotify, 128, 'sysctl -w fs.inotify.max_user_instances=512'),
  ];
}

function atLeast(name: string, have: number, wanted: number, remedy: string): Finding {
  if (have >= wanted) return { state: 'ok', name, found: String(have) };
  const without = `${wanted} or more are advised: busy planes and workloads run out of them`;
  return { state: 'optional', name, found: String(have), without, remedy };
}

/** systemd-timesyncd and chrony leave a trace; without either nobody keeps the clock. */
function checkClock(): Finding {
  const traces = ['/run/systemd/timesync/synchronized', '/run/chrony', '/run/ntpd.pid'];
  if (traces.some(existsSync)) return { state: 'ok', name: 'clock', found: 'synchronised' };
  return {
    state: 'optional',
    name: 'clock',
    found: 'nothing keeps it right',
    without: 'certificates and times of several machines may disagree',
    remedy: 'apt-get install systemd-timesyncd',
  };
}

function checkDisk(name: string, dataDir: string): Finding {
  let path = dataDir;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  const { bavail, bsize } = statfsSync(path);
  const free = bavail * bsize;
  const found = `${(free / 2 ** 30).toFixed(1)} GiB free at ${path}`;
  if (free >= diskFreeMinBytes) return { state: 'ok', name, found };
  return {
    state: 'missing',
    name,
    found,
    remedy: `free at least 1 GiB at ${path} (docker system df), or choose another place`,
  };
}

async function checkPort({ port, running }: CheckOptions): Promise<Finding> {
  const name = `port ${port}`;
  if (running) return { state: 'ok', name, found: 'used by Berth, which runs' };
  const taken = await probePort('127.0.0.1', port);
  if (taken === undefined) return { state: 'ok', name, found: 'free' };
  const owner = portOwner(port);
  return {
    state: 'missing',
    name,
    found: owner === undefined ? `not free (${taken})` : `used by ${owner.name} (pid ${owner.pid})`,
    remedy: 'choose another: berth up --port <number>',
  };
}

async function checkKubectl(): Promise<Finding> {
  const path = findProgram('kubectl');
  if (path === undefined) {
    return {
      state: 'optional',
      name: 'kubectl',
      found: 'not found',
      without: 'the verbs of berth (apply, get, logs, exec …) take its place',
      remedy: 'install kubectl 1.30 or newer',
    };
  }
  const output = await run(path, ['version', '--client']);
  const version = /v(\d+)\.(\d+)\.\S+/.exec(output ?? '');
  const found = version === null ? path : `${version[0]} (${path})`;
  const [, major, minor] = version ?? [];
  if (version === null || Number(major) > 1 || Number(minor) >= 30) {
    return { state: 'ok', name: 'kubectl', found };
  }
  return {
    state: 'optional',
    name: 'kubectl',
    found,
    without: '"kubectl exec" of this version needs SPDY, which Berth does not speak',
    remedy: 'install kubectl 1.30 or newer, or use "berth exec"',
  };
}

function checkEtcd(): Finding {
  const path = findProgram('etcd');
  if (path !== undefined) return { state: 'ok', name: 'etcd', found: path };
  return {
    state: 'optional',
    name: 'etcd',
    found: 'not found on this machine',
    without: 'the embedded store is used; an etcd elsewhere works too (--store)',
    remedy: 'apt-get install etcd-server',
  };
}
