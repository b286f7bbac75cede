/** What a disk for Volumes lies on: the kernel's words about its block device. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { known, namesAt, numberAt, textAt } from './kernel-files.ts';

export interface DiskHardware {
  readonly model?: string;
  readonly rotational?: boolean;
}

/** Volumes of volumes of disks: more than these nobody stacks. */
const depthMax = 8;

/** Empty for what is no block device (overlay, tmpfs, NFS). `device` is `major:minor`. */
export async function readDiskHardware(device: string, root = '/'): Promise<DiskHardware> {
  const found = await realpath(join(root, 'sys/dev/block', device)).catch(() => undefined);
  if (found === undefined) return {};
  const at = await bottom(found);
  const turns = await numberAt(join(at, 'queue/rotational'));
  const model =
    (await textAt(join(at, 'device/model'))) ?? (await textAt(join(at, 'loop/backing_file')));
  return known({ model, rotational: turns === undefined ? undefined : turns === 1 });
}

/** Through partitions, LVM, encryption and RAID down to the first disk. */
async function bottom(start: string): Promise<string> {
  let at = start;
  for (let depth = 0; depth < depthMax; depth += 1) {
    const isPartition = (await numberAt(join(at, 'partition'))) !== undefined;
    if (isPartition) {
      at = dirname(at);
      continue;
    }
    const [below] = await namesAt(join(at, 'slaves'));
    if (below === undefined) return at;
    const next = await realpath(join(at, 'slaves', below)).catch(() => undefined);
    if (next === undefined || basename(next) !== below) return at;
    at = next;
  }
  return at;
}
