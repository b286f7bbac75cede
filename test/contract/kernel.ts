/** What the kernel of this machine knows of an instance, past the engine that made it. */
import { readdir, readFile } from 'node:fs/promises';

const groups = '/sys/fs/cgroup';

/** The first process of the container, by its engine's id of it; the engine need not be there. */
export async function processOfContainer(containerId: string): Promise<number> {
  for (const name of await readdir('/proc')) {
    const read = (file: string) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
    if (!/^\d+$/.test(name) || !(await read('cgroup')).includes(containerId)) continue;
    if (/^NSpid:.*\t1$/m.test(await read('status'))) return Number(name);
  }
  throw new Error(`no process of ${containerId}`);
}

/** The hard limit of a process or of one of its threads, in thousandths of a CPU. */
export async function cpuMilliOf(process: number): Promise<number> {
  for (const thread of await readdir(`/proc/${process}/task`)) {
    const lines = await readFile(`/proc/${process}/task/${thread}/cgroup`, 'utf8');
    const quota = (await quotaV1(lines)) ?? (await quotaV2(lines));
    if (quota !== undefined) return quota;
  }
  throw new Error(`process ${process} has no limit`);
}

async function quotaV1(lines: string): Promise<number | undefined> {
  const path = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(lines)?.[1];
  if (path === undefined) return undefined;
  const read = async (file: string) =>
    Number(await readFile(`${groups}/cpu${path}/cpu.cfs_${file}_us`, 'utf8'));
  const quota = await read('quota');
  return quota < 0 ? undefined : Math.round((1000 * quota) / (await read('period')));
}

async function quotaV2(lines: string): Promise<number | undefined> {
  const path = /^0::(.*)$/m.exec(lines)?.[1];
  const max = await readFile(`${groups}${path}/cpu.max`, 'utf8').catch(() => 'max 100000');
  const [quota, period] = max.trim().split(' ').map(Number);
  if (quota === undefined || period === undefined || Number.isNaN(quota)) return undefined;
  return Math.round((1000 * quota) / period);
}
