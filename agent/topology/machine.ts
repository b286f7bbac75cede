/** What the machine is and has, asked of the operating system. */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import { parseCpuList } from '../../lib/cpu-list.ts';

export interface Machine {
  readonly cpuMilli: bigint;
  /** Numbers of the processors that may be used. */
  readonly cores: readonly number[];
  readonly numaNodes: readonly NumaNode[];
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly osImage: string;
}

interface NumaNode {
  readonly id: number;
  /** As Linux lists them: `0-11`. */
  readonly cores: string;
  readonly memoryBytes: bigint;
}

/** How much there is, and how much of it is free. */
export interface Amount {
  readonly total: number;
  readonly free: number;
}

/** Of the disk that holds the agent's data. */
export interface MachineLoad {
  readonly memory: Amount;
  readonly disk: Amount;
  readonly inodes: Amount;
  readonly pids: Amount;
}

export async function readMachine(dataDir: string): Promise<Machine> {
  const disk = await statfs(dataDir, { bigint: true });
  const release = await read('/etc/os-release');
  return {
    cpuMilli: BigInt(cpus().length) * 1000n,
    cores: await readCores(),
    numaNodes: await readNumaNodes(),
    memoryBytes: BigInt(totalmem()),
    diskBytes: disk.blocks * disk.bsize,
    machineId: await read('/etc/machine-id'),
    systemUuid: await read('/sys/class/dmi/id/product_uuid'),
    bootId: await read('/proc/sys/kernel/random/boot_id'),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? 'Linux',
  };
}

export async function readLoad(dataDir: string): Promise<MachineLoad> {
  const disk = await statfs(dataDir);
  const pidMax = Number(await read('/proc/sys/kernel/pid_max'));
  // `0.1 0.2 0.3 <running>/<all> <last pid>`
  const tasks = Number(/\/(\d+) /.exec(await read('/proc/loadavg'))?.[1] ?? 0);
  const used = disk.blocks - disk.bfree;
  return {
    // What the kernel can give without swapping, not what nobody has touched.
    memory: { total: totalmem(), free: freemem() },
    // What is kept back for root is not there for pods.
    disk: { total: (used + disk.bavail) * disk.bsize, free: disk.bavail * disk.bsize },
    inodes: { total: disk.files, free: disk.ffree },
    pids: { total: pidMax, free: Math.max(0, pidMax - tasks) },
  };
}

/** What the agent's own control group may use, on cgroup v2 and v1; else all that is there. */
async function readCores(): Promise<readonly number[]> {
  for (const path of [
    '/sys/fs/cgroup/cpuset.cpus.effective',
    '/sys/fs/cgroup/cpuset/cpuset.effective_cpus',
    '/sys/devices/system/cpu/online',
  ]) {
    const cores = parseCpuList(await read(path)) ?? [];
    if (cores.length > 0) return cores;
  }
  return cpus().map((_, core) => core);
}

const numaPath = '/sys/devices/system/node';

/** Empty where the machine does not tell. */
async function readNumaNodes(): Promise<readonly NumaNode[]> {
  const entries = await readdir(numaPath).catch(() => []);
  const ids = entries.flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  return await Promise.all(
    ids
      .sort((a, b) => a - b)
      .map(async (id) => {
        const info = await read(`${numaPath}/node${id}/meminfo`);
        const kibi = /MemTotal:\s+(\d+) kB/.exec(info)?.[1] ?? '0';
        const cores = await read(`${numaPath}/node${id}/cpulist`);
        return { id, cores, memoryBytes: BigInt(kibi) * 1024n };
      }),
  );
}

/** Empty where the machine does not tell. */
async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
