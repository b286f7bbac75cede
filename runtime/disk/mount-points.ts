/** What is mounted where, as the kernel tells this process. */
import { readFile } from 'node:fs/promises';

/** A mounted device; its path is whatever was given as the source. */
export interface MountedDevice {
  readonly path: string;
  /** `7:3`. */
  readonly number: string;
}

/**
 * Devices by where they are mounted.
 * Source: proc_pid_mountinfo(5): numbers, root, place, options, `-`, type, source; spaces are octal.
 */
export async function mountPoints(): Promise<ReadonlyMap<string, MountedDevice>> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const plain = (word: string) =>
    word.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
  return new Map(
    text.split('\n').map((line) => {
      const [, , number = '', , place = '', ...rest] = line.split(' ');
      return [plain(place), { number, path: plain(rest[rest.indexOf('-') + 2] ?? '') }];
    }),
  );
}
