/** Usage as the kernel counts it for a control group, of either version. */
import { readFile } from 'node:fs/promises';

export interface CgroupUsage {
  readonly cpuNanos: bigint;
  readonly workingSetBytes: bigint;
}

/** Of the first of `places` (paths below the mount point) that there is; `undefined` when none is. */
export async function readCgroup(
  places: readonly string[],
  root = '/sys/fs/cgroup',
): Promise<CgroupUsage | undefined> {
  for (const place of places) {
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
