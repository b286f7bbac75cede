/**
 * Image files as block devices. A device that was attached before, by an agent that has died since, is
 * found by its file and used on.
 */
import { stat, writeFile } from 'node:fs/promises';
import type { CallOptions } from '../../lib/call.ts';
import { runTool, VolumeError } from './volume-error.ts';

export interface LoopDevice {
  /** `/dev/loop3`. */
  readonly path: string;
  /** `7:3`, as control groups name it. */
  readonly number: string;
}

/** Resolves with the device that has the file, a new one when none has. */
export async function attachLoop(image: string, options: CallOptions): Promise<LoopDevice> {
  const known = await findLoop(image, options);
  if (known !== undefined) return known;
  const path = (await runTool('losetup', ['--find', '--show', image], options)).trim();
  // Not through the page cache twice, where the file system below can do that.
  await runTool('losetup', ['--direct-io=on', path], { ...options, mayFail: /direct io/i });
  const device = await loopOf(path);
  await keepBlocks(device);
  return device;
}

/** `undefined` when the file is no device now. */
export async function findLoop(
  image: string,
  options: CallOptions,
): Promise<LoopDevice | undefined> {
  const text = await runTool('losetup', ['--noheadings', '-O', 'NAME', '-j', image], options);
  const [path] = text.split('\n').map((line) => line.trim());
  return path === undefined || path === '' ? undefined : await loopOf(path);
}

/** Makes the device as large as its file is now. */
export async function refreshLoop({ path }: LoopDevice, options: CallOptions): Promise<void> {
  await runTool('losetup', ['--set-capacity', path], options);
}

/** Resolves also when it is gone; one that somebody still uses goes with its last user. */
export async function detachLoop({ path }: LoopDevice, options: CallOptions): Promise<void> {
  await runTool('losetup', ['--detach', path], { ...options, mayFail: /No such device/i });
}

async function loopOf(path: string): Promise<LoopDevice> {
  const found = await stat(path).catch((cause) => {
    const message = `${path} is not in /dev: the machine needs loop devices there`;
    throw new VolumeError('Failed', message, { cause });
  });
  // As the kernel packs them: eight bits of minor below, twelve of major, the rest of minor.
  const minor = (found.rdev & 0xff) | ((found.rdev >>> 12) & 0xfff00);
  return { path, number: `${(found.rdev >>> 8) & 0xfff}:${minor}` };
}

/** A discard (`fstrim`) would give back blocks that were promised; where /sys is read-only, it may. */
async function keepBlocks({ number }: LoopDevice): Promise<void> {
  const path = `/sys/dev/block/${number}/queue/discard_max_bytes`;
  await writeFile(path, '0').catch(() => undefined);
}
