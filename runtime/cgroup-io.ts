/** Limits of block devices for what runs already, written to its control group, of either version. */
import { readFile, writeFile } from 'node:fs/promises';
import type { DeviceLimits } from './runtime.ts';

const root = '/sys/fs/cgroup';

/** Nothing happens when the process has ended. */
export async function limitIo(pid: number, limits: readonly DeviceLimits[]): Promise<void> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  for (const { path, text } of ioFiles(groups, limits)) {
    await writeFile(`${root}/${path}`, text).catch((error) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENODEV') throw error;
    });
  }
}

/**
 * Puts a container's processes where its engine had put them. systemd with cgroup v1, when a unit is the
 * first to have limits of devices, takes the processes of all other units back into theirs: one that the
 * engine is just moving into a container then has the limits of the whole machine.
 */
export async function keepInGroup(pid: number): Promise<void> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  const place = strayFrom(groups);
  if (place === undefined) return;
  const pids = await readFile(`${root}/pids/${place}/cgroup.procs`, 'utf8').catch(() => '');
  for (const each of pids.trim().split('\n')) {
    await writeFile(`${root}/blkio/${place}/cgroup.procs`, each).catch((error) => {
      // It has ended meanwhile, or the engine gave it no such group.
      if (!['ENOENT', 'ESRCH', 'EINVAL'].includes(error.code)) throw error;
    });
  }
}

/** Where a process should be that is at the root only for block devices. Pure. */
export function strayFrom(groups: string): string | undefined {
  const { legacy, pids } = placesOf(groups);
  return legacy === '' && pids !== undefined && pids !== '' ? pids : undefined;
}

interface IoFile {
  /** Below the mount point of the control groups. */
  readonly path: string;
  readonly text: string;
}

/**
 * What has to be written where; `groups` is a process's `/proc/<pid>/cgroup`. Pure.
 * Source: kernel documentation, "Block IO Controller" (v1) and "Control Group v2", `io.max`.
 */
export function ioFiles(groups: string, limits: readonly DeviceLimits[]): readonly IoFile[] {
  const { legacy, unified } = placesOf(groups);
  if (legacy !== undefined) return limits.flatMap((each) => legacyFiles(`blkio/${legacy}`, each));
  if (unified === undefined) return [];
  return limits.map((each) => ({ path: `${unified}/io.max`, text: unifiedText(each) }));
}

function placesOf(groups: string) {
  const lines = groups.split('\n').map((line) => /^\d+:([^:]*):\/?(.*)$/.exec(line) ?? []);
  const of = (controller: string) =>
    lines.find(([, controllers]) => controllers?.split(',').includes(controller))?.[2];
  return { legacy: of('blkio'), pids: of('pids'), unified: of('') };
}

/** Zero takes a limit away. */
function legacyFiles(group: string, limits: DeviceLimits): readonly IoFile[] {
  const { number, readIops, writeIops, readBytesPerSecond, writeBytesPerSecond } = limits;
  return Object.entries({
    read_iops_device: readIops,
    write_iops_device: writeIops,
    read_bps_device: readBytesPerSecond,
    write_bps_device: writeBytesPerSecond,
  }).map(([file, rate]) => ({
    path: `${group}/blkio.throttle.${file}`,
    text: `${number} ${rate ?? 0}`,
  }));
}

function unifiedText(limits: DeviceLimits): string {
  const { number, readIops, writeIops, readBytesPerSecond, writeBytesPerSecond } = limits;
  const words = Object.entries({
    rbps: readBytesPerSecond,
    wbps: writeBytesPerSecond,
    riops: readIops,
    wiops: writeIops,
  }).map(([key, rate]) => `${key}=${rate ?? 'max'}`);
  return `${number} ${words.join(' ')}`;
}
