/** Makes a volume, or lets it grow, on the disk that it was given. */
import type { Volume } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { parseBytes } from '../../api/quantity.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { FsType } from '../../runtime/disk/file-system.ts';
import { VolumeError, type VolumeErrorReason } from '../../runtime/disk/volume-error.ts';
import type {
  ImageRequest,
  VolumeId,
  VolumeImage,
  VolumeImages,
} from '../../runtime/disk/volume-images.ts';
import { copyOf } from './copy-volume.ts';
import type { NodeDisks } from './node-disks.ts';
import type { VolumeRoom } from './room.ts';
import type { Problem, VolumeState } from './volume-status.ts';

/** Never rejects because of what is wrong with the volume: that is its state. */
export async function makeVolume(
  volume: Volume,
  room: VolumeRoom,
  options: CallOptions,
): Promise<VolumeState> {
  const images = room.disks.imagesOf(diskOf(volume));
  if (images === undefined || !(await room.disks.isThere(diskOf(volume)))) {
    return { problem: diskMissing(diskOf(volume), room.disks) };
  }
  const id = idOf(volume);
  const { path } = volume.status ?? {};
  const known = await images.find(id);
  // A disk that is not mounted looks empty: what was made once is never made anew in its place.
  if (known === undefined && path !== undefined) return { problem: dataMissing(path) };
  const fsType = fsTypeOf(volume);
  const request: ImageRequest = {
    id,
    sizeBytes: parseBytes(volume.spec.size),
    ...(fsType === undefined ? {} : { fsType }),
  };
  try {
    const image =
      known === undefined
        ? await makeNew(volume, request, images, room, options)
        : await images.ensure(request, options);
    await room.mounts.grow(id.uid, image, fsType, options);
    return { image };
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    const image = await images.find(id);
    return { ...(image === undefined ? {} : { image }), problem: problemOf(error) };
  }
}

async function makeNew(
  volume: Volume,
  request: ImageRequest,
  images: VolumeImages,
  room: VolumeRoom,
  options: CallOptions,
): Promise<VolumeImage> {
  const { source } = volume.spec;
  if (source?.retained !== undefined) {
    const from = { type: 'retained', uid: source.retained } as const;
    return await images.ensure({ ...request, source: from }, options);
  }
  if (source?.snapshot !== undefined) {
    return await makeFromSnapshot(source.snapshot, request, images, room, options);
  }
  if (source?.volume === undefined) return await images.ensure(request, options);
  const name = source.volume;
  const original = room.known.named(request.id.namespace, name);
  const image = original === undefined ? undefined : await imageOf(original, room.disks);
  if (original === undefined || image === undefined) {
    throw new VolumeError('SourceMissing', `source.volume: "${name}" is not there on this node`);
  }
  // Nobody begins to use the original while it is copied.
  return await room.serial.run(original.metadata.uid ?? '', async () => {
    const wanted = { volume: original, image, forUid: request.id.uid, disk: diskOf(volume) };
    const copy = await copyOf(wanted, room, options);
    return await images.ensure({ ...request, source: copy.source }, options);
  });
}

async function makeFromSnapshot(
  name: string,
  request: ImageRequest,
  images: VolumeImages,
  { snapshots, disks, serial }: VolumeRoom,
  options: CallOptions,
): Promise<VolumeImage> {
  const snapshot = snapshots.named(request.id.namespace, name);
  // It is not removed while it is copied.
  return await serial.run(snapshot?.metadata.uid ?? '', async () => {
    const disk = snapshot?.spec.allocation?.disk ?? '';
    const found = snapshot && (await disks.snapshotsOf(disk)?.find(idOf(snapshot)));
    if (found === undefined) {
      const message = `source.snapshot: "${name}" is not there on this node`;
      throw new VolumeError('SourceMissing', message);
    }
    return await images.ensure({ ...request, source: { type: 'copy', path: found.path } }, options);
  });
}

export async function imageOf(volume: Volume, disks: NodeDisks): Promise<VolumeImage | undefined> {
  return await disks.imagesOf(diskOf(volume))?.find(idOf(volume));
}

export function idOf({ metadata }: KubeObject): VolumeId {
  const { namespace = '', name = '', uid = '' } = metadata;
  return { namespace, name, uid };
}

/** `undefined` for a block device. */
export function fsTypeOf({ spec }: Volume): FsType | undefined {
  return spec.volumeMode === 'Block' ? undefined : (spec.fsType ?? 'ext4');
}

function diskOf({ spec }: Volume): string {
  return spec.allocation?.disk ?? '';
}

export function diskMissing(disk: string, disks: NodeDisks): Problem {
  const have = disks.names.join(', ');
  const path = disks.pathOf(disk);
  const message =
    path === undefined
      ? `this node has no disk "${disk}" (it has ${have}): declare it with --disk`
      : `${path} is not there: mount the disk "${disk}"`;
  return { reason: 'DiskMissing', message, waits: false };
}

export function dataMissing(path: string): Problem {
  const message = `${path} is gone: mount its disk, or bring the file back`;
  return { reason: 'DataMissing', message, waits: false };
}

const waiting: readonly VolumeErrorReason[] = ['SourceMissing', 'InUse', 'FileSystemResizePending'];

export function problemOf({ reason, message }: VolumeError): Problem {
  return { reason, message, waits: waiting.includes(reason) };
}
