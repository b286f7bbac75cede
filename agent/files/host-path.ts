import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostPathVolumeSource } from '../../api/kinds.gen.ts';
import { ConfigError } from '../pod/config-error.ts';

/** The path on the machine, made or checked as its type says. Source: Kubernetes, hostPath volume types. */
export async function hostPathOf({ path, type = '' }: HostPathVolumeSource): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  }
  if (found === undefined && type === 'FileOrCreate') {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, '', { mode: 0o644, flag: 'a' });
    return path;
  }
  if (found === undefined && type === '') {
    // As Docker does for a missing source, which is what upstream's "no check" ends in.
    await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  }
  const ok =
    found !== undefined &&
    {
      '': true,
      DirectoryOrCreate: found.isDirectory(),
      Directory: found.isDirectory(),
      FileOrCreate: found.isFile(),
      File: found.isFile(),
      Socket: found.isSocket(),
      CharDevice: found.isCharacterDevice(),
      BlockDevice: found.isBlockDevice(),
    }[type];
  if (!ok) throw new ConfigError(`hostPath type check failed: ${path} is not a ${type}`);
  return path;
}
