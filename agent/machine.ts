/** What the machine is and has, asked of the operating system. */
import { readFile, statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';

export interface Machine {
  readonly cpuMilli: bigint;
  readonly memoryBytes: bigint;
  readonly diskBytes: bigint;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly osImage: string;
}

export interface MachineLoad {
  readonly memoryFreeBytes: number;
  /** Of the disk that holds the agent's data, between 0 and 1. */
  readonly diskFreeFraction: number;
}

export async function readMachine(dataDir: string): Promise<Machine> {
  const disk = await statfs(dataDir, { bigint: true });
  const release = await read('/etc/os-release');
  return {
    cpuMilli: BigInt(cpus().length) * 1000n,
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
  return { memoryFreeBytes: freemem(), diskFreeFraction: disk.bavail / disk.blocks };
}

/** Empty where the machine does not tell. */
async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
