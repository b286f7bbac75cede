/** A pod's volumes as directories of the machine, under `<dataDir>/pods/<uid>/volumes/`. */
import { chmod, lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type {
  Container,
  EmptyDirVolumeSource,
  PersistentVolumeClaimVolumeSource,
  PodVolume,
} from '../../api/kinds.gen.ts';
import { parseBytes } from '../../api/quantity.ts';
import type { CallOptions } from '../../lib/call.ts';
import { mountMemory, unmountBelow } from '../../runtime/disk/memory-mounts.ts';
import { VolumeError } from '../../runtime/disk/volume-error.ts';
import type { MountSpec } from '../../runtime/runtime.ts';
import { ConfigError } from '../pod/config-error.ts';
import { expand } from '../pod/expand.ts';
import { replaceFiles } from './atomic-files.ts';
import { giveToGroup } from './fs-group.ts';
import { hostPathOf } from './host-path.ts';
import { filesOf, safe, type VolumeContext } from './volume-files.ts';

/** Everything the agent keeps on disk about one pod. */
export function podDirectory(dataDir: string, uid: string): string {
  return join(dataDir, 'pods', uid);
}

/** Pods that have something on disk. */
export async function podDirectories(dataDir: string): Promise<readonly string[]> {
  return await readdir(join(dataDir, 'pods')).catch(() => []);
}

export async function removePodDirectory(
  dataDir: string,
  uid: string,
  options: CallOptions,
): Promise<void> {
  await unmountBelow(podDirectory(dataDir, uid), options);
  await rm(podDirectory(dataDir, uid), { recursive: true, force: true });
}

/** Makes the volumes that `container` mounts, and says where. `env` is for `subPathExpr`. */
export async function resolveMounts(
  container: Container,
  env: ReadonlyMap<string, string>,
  context: VolumeContext,
): Promise<readonly MountSpec[]> {
  const mounts: MountSpec[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = context.pod.spec.volumes?.find((each) => each.name === mount.name);
    if (volume === undefined) throw new ConfigError(`volume "${mount.name}" not found`);
    const subPath = mount.subPath ?? expand(mount.subPathExpr ?? '', env);
    try {
      const made = await makeVolume(volume, container, context);
      mounts.push({
        hostPath: subPath === '' ? made.path : await inside(made, subPath),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || made.readOnly,
      });
    } catch (error) {
      throw isFromDisk(error) ? new ConfigError(`volume "${mount.name}": ${error.message}`) : error;
    }
  }
  return mounts;
}

/** A full disk, a file where a directory should be: the pod's user must hear of it. */
function isFromDisk(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}

/** Brings the files of a volume up to date, all at once; whether anything had changed. */
export async function writeFiles(
  path: string,
  volume: PodVolume,
  container: Container,
  context: VolumeContext,
): Promise<boolean> {
  const { fsGroup } = context.pod.spec.securityContext ?? {};
  return await replaceFiles(path, await filesOf(volume, container, context), fsGroup);
}

/** Where a volume of the pod's own lies. */
export function volumeDirectory({ pod, dataDir }: VolumeContext, { name }: PodVolume): string {
  return join(podDirectory(dataDir, pod.metadata.uid ?? ''), 'volumes', name);
}

interface MadeVolume {
  readonly path: string;
  /** Content comes from the API; writing to it would be lost. */
  readonly readOnly: boolean;
}

async function makeVolume(
  volume: PodVolume,
  container: Container,
  context: VolumeContext,
): Promise<MadeVolume> {
  if (volume.hostPath !== undefined) {
    return { path: await hostPathOf(volume.hostPath), readOnly: false };
  }
  if (volume.persistentVolumeClaim !== undefined) {
    return claimed(volume.persistentVolumeClaim, context);
  }
  const path = volumeDirectory(context, volume);
  const made = await mkdir(path, { recursive: true });
  if (volume.emptyDir !== undefined) {
    const mounted = await inMemory(path, volume.emptyDir, context);
    // Every user of the container may write, as upstream has it; later changes are the pod's own.
    if (made !== undefined || mounted) {
      await chmod(path, 0o777);
      await giveToGroup(path, context.pod);
    }
    return { path, readOnly: false };
  }
  await writeFiles(path, volume, container, context);
  return { path, readOnly: true };
}

/** Whether the directory is fresh memory now: after a reboot it is again. */
async function inMemory(
  path: string,
  { medium = '', sizeLimit }: EmptyDirVolumeSource,
  { signal }: VolumeContext,
): Promise<boolean> {
  if (medium === '') return false;
  if (medium !== 'Memory') throw new ConfigError(`emptyDir.medium "${medium}" is not supported`);
  try {
    const size = sizeLimit === undefined ? undefined : parseBytes(sizeLimit);
    return await mountMemory(path, size, { signal });
  } catch (error) {
    throw error instanceof VolumeError ? new ConfigError(error.message) : error;
  }
}

/** Given to the pod's group before, when the volume was brought into use. */
function claimed(
  { claimName, readOnly = false }: PersistentVolumeClaimVolumeSource,
  { held }: VolumeContext,
): MadeVolume {
  const path = held.get(claimName)?.path;
  if (path === undefined) {
    const remedy = 'name it in volumeDevices, or make a Volume of volumeMode Filesystem';
    throw new ConfigError(`volume "${claimName}" is a block device: ${remedy}`);
  }
  return { path, readOnly };
}

/**
 * A `subPath` is made as a directory unless it is there already, as open as the volume itself. What
 * containers write into the volume may be links to anywhere on the machine: none that leads out of
 * the volume is followed, and the answer contains none. (Between here and the mount one could still
 * be slipped in by a container that runs; only mounting by file descriptor would close that.)
 */
async function inside({ path, readOnly }: MadeVolume, subPath: string): Promise<string> {
  const root = await realpath(path);
  const mode = (await stat(root)).mode & 0o7777;
  let at = path;
  for (const word of safe(subPath).split('/').filter(isWord)) {
    at = join(at, word);
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined) {
      if (readOnly) throw new ConfigError(`subPath "${subPath}" is not in the volume`);
      await mkdir(at);
      await chmod(at, mode);
    } else if (found.isSymbolicLink()) {
      at = await realpath(at);
      if (at !== root && !at.startsWith(root + sep)) {
        throw new ConfigError(`subPath "${subPath}" leads out of the volume`);
      }
    }
  }
  return at;
}

function isWord(word: string): boolean {
  return word !== '' && word !== '.';
}
