/** What a pod's containers may do with the disk of their node, in the words in which Volumes have limits. */
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pod } from '../../api/kinds.gen.ts';
import { QuantityError } from '../../api/quantity.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { DeviceLimits, IoLimits } from '../../runtime/runtime.ts';
import { limitsOf } from '../disks/hold-volumes.ts';
import { ConfigError } from '../pod/config-error.ts';

const annotation = 'berth.dev/disk-limits';

export function diskLimitsText({ metadata }: Pod): string {
  return metadata.annotations?.[annotation] ?? '';
}

/** Of the disk on which `dataDir` lies; none without the annotation. Throws `ConfigError`. */
export async function diskLimitsOf(pod: Pod, dataDir: string): Promise<readonly DeviceLimits[]> {
  const text = diskLimitsText(pod);
  if (text === '' || isVm(pod)) return [];
  const limits = parseDiskLimits(text);
  return [{ ...(await diskOf(dataDir)), ...limits }];
}

const counts = ['readIOPS', 'writeIOPS'] as const;
const rates = ['readBPS', 'writeBPS'] as const;

/** Pure. */
export function parseDiskLimits(text: string): IoLimits {
  const wrong = (why: string) => new ConfigError(`metadata.annotations[${annotation}]: ${why}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong(`"${text}" is no JSON, such as {"writeIOPS": 50, "writeBPS": "10Mi"}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw wrong('must be an object, such as {"writeIOPS": 50, "writeBPS": "10Mi"}');
  }
  for (const [field, value] of Object.entries(parsed)) {
    const known = [...counts, ...rates].some((each) => each === field);
    if (!known) throw wrong(`"${field}" is not one of ${[...counts, ...rates].join(', ')}`);
    const isRate = rates.some((each) => each === field);
    const isRight = isRate
      ? typeof value === 'string'
      : typeof value === 'number' && Number.isInteger(value) && value > 0;
    if (!isRight)
      throw wrong(`${field} must be ${isRate ? 'a quantity' : 'a whole number above 0'}`);
  }
  try {
    // The fields and their types were looked at above.
    return limitsOf({ spec: { size: '', limits: parsed } } as Parameters<typeof limitsOf>[0]);
  } catch (error) {
    if (error instanceof QuantityError) throw wrong(error.message);
    throw error;
  }
}

/** The whole disk: the kernel limits no partitions. */
export async function diskOf(directory: string): Promise<Pick<DeviceLimits, 'device' | 'number'>> {
  const { dev } = await stat(directory, { bigint: true });
  try {
    const found = await realpath(`/sys/dev/block/${numberOf(dev)}`);
    const isPartition = await access(`${found}/partition`).then(
      () => true,
      () => false,
    );
    const disk = isPartition ? dirname(found) : found;
    const name = /^DEVNAME=(.*)$/m.exec(await readFile(`${disk}/uevent`, 'utf8'))?.[1] ?? '';
    return { device: `/dev/${name}`, number: (await readFile(`${disk}/dev`, 'utf8')).trim() };
  } catch (cause) {
    const why = `${directory} of this node lies on no disk that the kernel can limit`;
    throw new ConfigError(`metadata.annotations[${annotation}]: ${why}`, { cause });
  }
}

/** Source: Linux, `gnu_dev_major` and `gnu_dev_minor`. */
function numberOf(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
