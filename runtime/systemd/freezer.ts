/**
 * The freezer of cgroup v1, which systemd leaves alone: each unit that was ever halted has a group there.
 * With cgroup v2 systemd freezes units itself.
 * Source: kernel documentation, "Cgroup Freezer" (v1).
 */
import { mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeError } from '../runtime.ts';

const mountPoint = '/sys/fs/cgroup/freezer';
/** A unit that starts processes faster than these are moved cannot be halted. */
const passesMax = 50;

/** Whether the machine halts processes by it. */
export async function hasFreezer(root = mountPoint): Promise<boolean> {
  return (await stat(join(root, 'cgroup.procs')).catch(() => undefined)) !== undefined;
}

/** Also of those that are about to be halted. */
export async function isFrozen(unit: string, root = mountPoint): Promise<boolean> {
  const state = await readFile(join(root, 'berth', unit, 'freezer.state'), 'utf8').catch(() => '');
  return state !== '' && state.trim() !== 'THAWED';
}

/** Halts all processes of a unit, also those that it starts meanwhile; `processes` tells which it has. */
export async function freeze(
  unit: string,
  processes: () => Promise<readonly string[]>,
  root = mountPoint,
): Promise<void> {
  const group = join(root, 'berth', unit);
  await mkdir(group, { recursive: true });
  // What comes into a frozen group is halted at once, so nothing that was moved starts another.
  await writeFile(join(group, 'freezer.state'), 'FROZEN');
  const inside = new Set<string>();
  for (let pass = 0; pass < passesMax; pass += 1) {
    const outside = (await processes()).filter((pid) => !inside.has(pid));
    if (outside.length === 0) return;
    for (const pid of outside) {
      await writeFile(join(group, 'cgroup.procs'), pid).catch((error) => {
        // It has ended meanwhile.
        if (error.code !== 'ESRCH') throw error;
      });
      inside.add(pid);
    }
  }
  await thaw(unit, root);
  const message = `${unit} starts processes faster than they can be halted`;
  throw new RuntimeError('Unavailable', message);
}

/** Nothing happens to what was never halted. */
export async function thaw(unit: string, root = mountPoint): Promise<void> {
  const state = join(root, 'berth', unit, 'freezer.state');
  await writeFile(state, 'THAWED', { flag: 'r+' }).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Its processes must have ended: a group that still holds one stays. */
export async function forgetFreezer(unit: string, root = mountPoint): Promise<void> {
  await rmdir(join(root, 'berth', unit)).catch((error) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(error.code)) throw error;
  });
}
