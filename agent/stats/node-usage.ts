/** What the whole machine uses, from `/proc`: the same on cgroup v1 and v2. */
import { readFile } from 'node:fs/promises';

export interface NodeUsage {
  /** CPU time of all cores since boot. */
  readonly cpuNanos: bigint;
  readonly workingSetBytes: bigint;
  readonly availableBytes: bigint;
}

export async function readNodeUsage(): Promise<NodeUsage> {
  const [stat, meminfo] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
  ]);
  return parseNodeUsage(stat, meminfo);
}

/** The kernel tells `/proc/stat` in hundredths of a second, whatever it runs on. */
const nanosPerTick = 10_000_000n;

/** Working set as kubelet has it for the root cgroup: in use, without the inactive page cache. */
export function parseNodeUsage(stat: string, meminfo: string): NodeUsage {
  const ticks = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? '').split(' ').map(BigInt);
  // Idle and waiting are no use; the time of guests is in `user` and `nice` already.
  const [user = 0n, nice = 0n, system = 0n, , , irq = 0n, softIrq = 0n] = ticks;
  const bytes = (name: string) => {
    const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
    return BigInt(found ?? 0) * 1024n;
  };
  return {
    cpuNanos: (user + nice + system + irq + softIrq) * nanosPerTick,
    workingSetBytes: bytes('MemTotal') - bytes('MemFree') - bytes('Inactive\\(file\\)'),
    availableBytes: bytes('MemAvailable'),
  };
}
