/** Limits of block devices for what runs already, written to its control group, of either version. */
import { readFile, writeFile } from 'node:fs/promises';
import type { DeviceLimits } from './runtime.ts';

/** Nothing happens when the process has ended. */
export async function limitIo(
  pid: number,
  limits: readonly DeviceLimits[],
  root = '/sys/fs/cgroup',
): Promise<void> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  for (const { path, text } of ioFiles(groups, limits)) {
    await writeFile(`${root}/${path}`, text).catch((error) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENODEV') throw error;
    });
  }
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
  const lines = groups.split('\n').map((line) => /^\d+:([^:]*):\/?(.*)$/.exec(line) ?? []);
  const legacy = lines.find(([, controllers]) => controllers?.split(',').includes('blkio'))?.[2];
  const unified = lines.find(([, controllers]) => controllers === '')?.[2];
  if (legacy !== undefined) return limits.flatMap((each) => legacyFiles(`blkio/${legacy}`, each));
  if (unified === undefined) return [];
  return limits.map((each) => ({ path: `${unified}/io.max`, text: unifiedText(each) }));
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
