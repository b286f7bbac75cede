/** Images brought into use: as a loop device, and mounted at `<directory>/<uid>`; and out of it again. */
import { mkdir, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CallOptions } from '../../lib/call.ts';
import { type FsType, growMounted, growUnmounted, isShort, readFileSystem } from './file-system.ts';
import { frozen, thaw } from './frozen.ts';
import { attachLoop, detachLoop, findLoop, type LoopDevice, refreshLoop } from './loop-device.ts';
import { mountPoints } from './mount-points.ts';
import { runTool, VolumeError } from './volume-error.ts';
import type { VolumeImage } from './volume-images.ts';

/** Names of devices by the uid of their volume. */
const links = '/dev/berth';

export class VolumeMounts {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  mountPath(uid: string): string {
    return join(this.#directory, uid);
  }

  /** Resolves with the device and the place it is mounted at, also when it was before. */
  async mount(
    uid: string,
    image: VolumeImage,
    fsType: FsType,
    options: CallOptions,
  ): Promise<{ readonly device: LoopDevice; readonly path: string }> {
    const path = this.mountPath(uid);
    const mounted = (await mountPoints()).get(path);
    if (mounted !== undefined) return { device: mounted, path };
    const device = await attachLoop(image.path, options);
    await refreshLoop(device, options);
    const found = await readFileSystem(image.path);
    if (found?.type !== fsType) {
      await detachLoop(device, options);
      throw new VolumeError('Failed', `${image.path} holds no ${fsType}: its data are damaged`);
    }
    if (fsType === 'ext4' && isShort(found, image.sizeBytes)) {
      await growUnmounted(device.path, options);
    }
    await mkdir(path, { recursive: true, mode: 0o755 });
    try {
      await runTool('mount', ['-t', fsType, ...mountOptions(fsType), device.path, path], options);
    } catch (error) {
      await detachLoop(device, options);
      throw error;
    }
    // From now on the kernel detaches it with its last mount, whoever ends that.
    await detachLoop(device, options);
    if (fsType === 'xfs' && isShort(found, image.sizeBytes)) {
      await growMounted(fsType, device.path, path, options);
    }
    return { device, path };
  }

  /** As a bare block device, with a name that stays: a saved machine finds it there again. */
  async attach(
    uid: string,
    image: VolumeImage,
    options: CallOptions,
  ): Promise<{ readonly device: LoopDevice; readonly link: string }> {
    const device = await attachLoop(image.path, options);
    await refreshLoop(device, options);
    await mkdir(links, { recursive: true, mode: 0o755 });
    const link = join(links, uid);
    const draft = `${link}.new`;
    await rm(draft, { force: true });
    await symlink(device.path, draft);
    await rename(draft, link);
    return { device, link };
  }

  /** Tells those who use it that the image has grown; nothing happens while nobody does. */
  async grow(
    uid: string,
    image: VolumeImage,
    fsType: FsType | undefined,
    options: CallOptions,
  ): Promise<void> {
    const device = await findLoop(image.path, options);
    if (device === undefined) return;
    await refreshLoop(device, options);
    if (fsType === undefined || !(await this.isMounted(uid))) return;
    const found = await readFileSystem(image.path);
    if (found === undefined || !isShort(found, image.sizeBytes)) return;
    await growMounted(fsType, device.path, this.mountPath(uid), options);
  }

  /** Out of use; resolves also when it is already. `InUse` while anybody still has it open. */
  async release(uid: string, image: string | undefined, options: CallOptions): Promise<void> {
    const path = this.mountPath(uid);
    while (await this.isMounted(uid)) {
      await runTool('umount', [path], options).catch((cause) => {
        if (!/busy/.test(String(cause))) throw cause;
        throw new VolumeError('InUse', `${path} is in use by programs of this machine`, { cause });
      });
    }
    await rmdir(path).catch(() => undefined);
    await rm(join(links, uid), { force: true });
    if (image === undefined) return;
    const device = await findLoop(image, options);
    if (device === undefined) return;
    await detachLoop(device, options);
    // Its mounts in namespaces of containers are not ours to undo.
    if ((await findLoop(image, options)) !== undefined) {
      throw new VolumeError('InUse', `${device.path} is still in use`);
    }
  }

  async isMounted(uid: string): Promise<boolean> {
    return (await mountPoints()).has(this.mountPath(uid));
  }

  /** As `frozen` of its file system; `task` alone where it is not mounted. */
  async frozen<T>(
    uid: string,
    task: (options: CallOptions) => Promise<T>,
    options: CallOptions,
  ): Promise<T> {
    if (!(await this.isMounted(uid))) return await task(options);
    return await frozen(this.mountPath(uid), task, options);
  }

  /** Lets those go on whom an agent that died has left held. */
  async thawAll(options: CallOptions): Promise<void> {
    for (const path of (await mountPoints()).keys()) {
      if (dirname(path) === this.#directory) await thaw(path, options);
    }
  }

  /** What was written to its device is in its image from then on. */
  async flush(image: string, options: CallOptions): Promise<void> {
    const device = await findLoop(image, options);
    if (device !== undefined) await runTool('sync', [device.path], options);
  }
}

/**
 * Device files in it are no devices: a guest may have written them. A clone has the identity of its
 * source, which xfs would refuse beside it.
 */
function mountOptions(fsType: FsType): readonly string[] {
  return ['-o', fsType === 'xfs' ? 'nodev,nouuid' : 'nodev'];
}
