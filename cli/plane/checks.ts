/** The checks of `berth doctor`, each one look at the machine. */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type EngineProbe, engineRemedy, probeEngine } from './docker-engine.ts';
import { portOwner, probePort } from './ports.ts';

export interface Finding {
  /**
   * `missing` = `berth up` needs it; `optional` = something is left out without it; `broken` = the
   * running plane needs help.
   */
  readonly state: 'ok' | 'missing' | 'optional' | 'broken';
  readonly name: string;
  readonly found: string;
  /** What is left out. */
  readonly without?: string;
  readonly remedy?: string;
}

export interface CheckOptions {
  readonly dataDir: string;
  readonly port: number;
  /** Whether a plane of this data directory runs, so that its own port is no conflict. */
  readonly running: boolean;
}

const diskFreeMinBytes = 1 << 30;
const commandTimeoutMs = 5_000;

export async function runChecks(options: CheckOptions): Promise<readonly Finding[]> {
  const [engine, port, libvirt, kubectl] = await Promise.all([
    probeEngine(),
    checkPort(options),
    checkLibvirt(),
    checkKubectl(),
  ]);
  return [
    checkNode(),
    checkRoot(),
    checkDocker(engine),
    checkCgroups(engine),
    ...engineAdvice(engine),
    checkDisk('disk', options.dataDir),
    ...checkLimits(),
    checkClock(),
    port,
    kubectl,
    checkSystemd(),
    libvirt,
    checkKvm(),
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

function checkDocker(probe: EngineProbe): Finding {
  if (probe.type === 'ready') return { state: 'ok', name: 'Docker', found: probe.version };
  const remedy = engineRemedy(probe);
  return {
    state: 'missing',
    name: 'Docker',
    found: probe.type,
    without: 'no containers can run here ("berth up --no-agent" starts the rest)',
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function checkCgroups(probe: EngineProbe): Finding {
  const version = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '2' : '1';
  const used = probe.type === 'ready' ? probe.cgroupVersion : version;
  if (version === '2') return { state: 'ok', name: 'cgroups', found: `version ${used}` };
  return {
    state: 'optional',
    name: 'cgroups',
    found: `version ${used}`,
    without: 'CPU and memory limits work; those on buffered disk writes need version 2',
    remedy: 'boot with systemd.unified_cgroup_hierarchy=1',
  };
}

/** What makes the engine a better place, while it answers. */
function engineAdvice(probe: EngineProbe): readonly Finding[] {
  if (probe.type !== 'ready') return [];
  const { liveRestore, rootDir } = probe;
  const restore: Finding = liveRestore
    ? { state: 'ok', name: 'live-restore', found: 'on' }
    : {
        state: 'optional',
        name: 'live-restore',
        found: 'off',
        without: 'a restart of the Docker engine stops every container',
        remedy: 'add {"live-restore": true} to /etc/docker/daemon.json; systemctl reload docker',
      };
  return existsSync(rootDir) ? [restore, checkDisk('Docker disk', rootDir)] : [restore];
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

function checkSystemd(): Finding {
  if (existsSync('/run/systemd/system')) {
    return { state: 'ok', name: 'systemd', found: 'runs as PID 1' };
  }
  const found = `PID 1 is ${read('/proc/1/comm').trim() || 'something else'}`;
  return {
    state: 'optional',
    name: 'systemd',
    found,
    without: 'bare processes (runtime: systemd) cannot run here',
    remedy: 'use a machine that boots with systemd',
  };
}

async function checkLibvirt(): Promise<Finding> {
  const socket = ['/run/libvirt/libvirt-sock', '/var/run/libvirt/libvirt-sock'].find(existsSync);
  if (socket !== undefined) return { state: 'ok', name: 'libvirt', found: socket };
  return {
    state: 'optional',
    name: 'libvirt',
    found: 'not found',
    without: 'virtual machines (kind VM) cannot run here',
    remedy: 'apt-get install libvirt-daemon-system qemu-system-x86 qemu-utils, and start libvirtd',
  };
}

/** The device alone says little: it may be there without the processor's help behind it. */
function checkKvm(): Finding {
  const flags = /^flags\s*:.*\b(vmx|svm)\b/m.test(read('/proc/cpuinfo'));
  const device = canOpen('/dev/kvm');
  if (device && flags) return { state: 'ok', name: 'KVM', found: '/dev/kvm' };
  const noDevice = existsSync('/dev/kvm') ? '/dev/kvm cannot be opened' : 'no /dev/kvm';
  const found = device ? '/dev/kvm, but the processor has no virtualisation' : noDevice;
  return {
    state: 'optional',
    name: 'KVM',
    found,
    without: 'virtual machines would be emulated, ten times slower',
    remedy: 'enable (nested) virtualisation, or use another machine',
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

function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((path) => mayRun(path));
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What a program printed; `undefined` when it failed. */
function run(path: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: commandTimeoutMs,
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => resolve(code === 0 ? output : undefined));
  });
}
