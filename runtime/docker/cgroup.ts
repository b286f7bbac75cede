/**
 * Usage of a container straight from its control group. The engine's own answer comes with its
 * next tick, up to a second later, which is too long when many are asked about.
 */
import { readFile } from 'node:fs/promises';

export interface CgroupUsage {
  readonly cpuNanos: bigint;
  readonly workingSetBytes: bigint;
}

/** Where the engine puts a container: with its own driver, and with systemd's. */
const placesOf = (id: string) => [`docker/${id}`, `system.slice/docker-${id}.scope`];

/** `undefined` where it is not found, as with an engine that was told to put it elsewhere. */
export async function readCgroup(
  id: string,
  root = '/sys/fs/cgroup',
): Promise<CgroupUsage | undefined> {
  for (const place of placesOf(id)) {
    const found =
      (await readUnified(`${root}/${place}`)) ??
      (await readLegacy(`${root}/cpuacct/${place}`, `${root}/memory/${place}`));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** cgroup v2. */
async function readUnified(directory: string): Promise<CgroupUsage | undefined> {
  const [cpu, memory, stat] = await readAll(
    `${directory}/cpu.stat`,
    `${directory}/memory.current`,
    `${directory}/memory.stat`,
  );
  const micros = field(cpu, 'usage_usec');
  if (micros === undefined || memory === undefined) return undefined;
  return {
    cpuNanos: micros * 1000n,
    workingSetBytes: without(BigInt(memory.trim()), field(stat, 'inactive_file')),
  };
}

/** cgroup v1. */
async function readLegacy(cpu: string, memory: string): Promise<CgroupUsage | undefined> {
  const [nanos, usage, stat] = await readAll(
    `${cpu}/cpuacct.usage`,
    `${memory}/memory.usage_in_bytes`,
    `${memory}/memory.stat`,
  );
  if (nanos === undefined || usage === undefined) return undefined;
  return {
    cpuNanos: BigInt(nanos.trim()),
    workingSetBytes: without(BigInt(usage.trim()), field(stat, 'total_inactive_file')),
  };
}

function readAll(...paths: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => undefined)));
}

function field(text: string | undefined, name: string): bigint | undefined {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1];
  return found === undefined ? undefined : BigInt(found);
}

/** The two numbers are not read at the same moment. */
function without(usage: bigint, inactive = 0n): bigint {
  return usage > inactive ? usage - inactive : 0n;
}
