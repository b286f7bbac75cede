/** What a unit uses, as its control group counts it, or else its processes. */
import { readFile } from 'node:fs/promises';
import { readCgroup } from '../cgroup.ts';
import type { ContainerUsage } from '../usage.ts';
import { containerIdOf, type Unit } from './unit.ts';

const root = '/sys/fs/cgroup';
/** `USER_HZ`, the unit of times in /proc; 100 on every architecture of today. */
const tickNanos = 10_000_000n;

/** `undefined` when it has ended meanwhile. */
export async function usageOf(unit: Unit): Promise<ContainerUsage | undefined> {
  const { name, labels, controlGroup } = unit;
  const usage = (await readCgroup([controlGroup])) ?? (await readProcesses(controlGroup));
  if (usage === undefined) return undefined;
  return { name: labels.container, containerId: containerIdOf(name), ...usage };
}

/** Where systemd counts no CPU time: with cgroup v1 when `cpuacct` is mounted apart from `cpu`. */
async function readProcesses(controlGroup: string) {
  const memory = await readFile(
    `${root}/memory${controlGroup}/memory.usage_in_bytes`,
    'utf8',
  ).catch(() => undefined);
  if (memory === undefined) return undefined;
  const times = await Promise.all((await processesIn(controlGroup)).map(cpuTicks));
  const cpuNanos = times.reduce((sum, ticks) => sum + ticks, 0n) * tickNanos;
  return { cpuNanos, workingSetBytes: BigInt(memory.trim()) };
}

export function processesOf({ controlGroup }: Unit): Promise<readonly string[]> {
  return processesIn(controlGroup);
}

/** Numbers of all processes of a unit; systemd's own hierarchy has them with either version. */
async function processesIn(controlGroup: string): Promise<readonly string[]> {
  if (controlGroup === '') return [];
  for (const mount of [`${root}/systemd`, root]) {
    const text = await readFile(`${mount}${controlGroup}/cgroup.procs`, 'utf8').catch(() => '');
    if (text !== '') return text.trim().split('\n');
  }
  return [];
}

/** Its own time and that of the children it has seen end. Source: proc(5), fields 14 to 17. */
async function cpuTicks(pid: string): Promise<bigint> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name before it may hold spaces.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + BigInt(field === '' ? 0 : field), 0n);
}
