/** Makes a volume, or lets it grow, on the disk that it was given. */
import type { Volume } from '../../api/kinds.gen.ts';
import { parseBytes } from '../../api/quantity.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { FsType } from '../../runtime/disk/file-system.ts';
import { VolumeError, type VolumeErrorReason } from '../../runtime/disk/volume-error.ts';
import {
  canReflink,
  type ImageRequest,
  type VolumeId,
  type VolumeImage,
  type VolumeImages,
} from '../../runtime/disk/volume-images.ts';
import type { VolumeMounts } from '../../runtime/disk/volume-mounts.ts';
import type { KeyedSerial } from '../../runtime/serial.ts';
import type { KnownVolumes } from './known-volumes.ts';
import type { NodeDisks } from './node-disks.ts';
import type { VolumeLocks } from './volume-locks.ts';
import type { Problem, VolumeState } from './volume-status.ts';

export interface VolumeRoom {
  readonly disks: NodeDisks;
  readonly mounts: VolumeMounts;
  readonly locks: VolumeLocks;
  readonly known: KnownVolumes;
  /** Whatever touches a volume's image runs in it, by the volume's uid. */
  readonly serial: KeyedSerial;
}

/** Never rejects because of what is wrong with the volume: that is its state. */
export async function makeVolume(
  volume: Volume,
  room: VolumeRoom,
  options: CallOptions,
): Promise<VolumeState> {
  const images = room.disks.imagesOf(diskOf(volume));
  if (images === undefined || !(await room.disks.isThere(diskOf(volume)))) {
    return { problem: diskMissing(volume, room.disks) };
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
    const message = 'source.snapshot: there are no snapshots yet; name a volume';
    throw new VolumeError('InvalidVolume', message);
  }
  if (source?.volume === undefined) return await images.ensure(request, options);
  const name = source.volume;
  const original = room.known.named(request.id.namespace, name);
  const found = original === undefined ? undefined : await imageOf(original, room.disks);
  if (original === undefined || found === undefined) {
    throw new VolumeError('SourceMissing', `source.volume: "${name}" is not there on this node`);
  }
  // Nobody begins to use the original while it is copied.
  return await room.serial.run(original.metadata.uid ?? '', async () => {
    await checkUse(original, room, options);
    const from = { type: 'copy', path: found.path } as const;
    const copy = () => images.ensure({ ...request, source: from }, options);
    return await room.mounts.frozen(original.metadata.uid ?? '', copy, options);
  });
}

/** One in use would be held up as long as it is copied, unless its copy shares its blocks. */
async function checkUse(
  { metadata, spec }: Volume,
  { locks, disks }: VolumeRoom,
  options: CallOptions,
): Promise<void> {
  const holder = await locks.holderOf(metadata.uid ?? '');
  if (holder === undefined) return;
  const disk = disks.pathOf(spec.allocation?.disk ?? '');
  if (disk !== undefined && (await canReflink(disk, options))) return;
  const message =
    `source.volume: "${metadata.name}" is in use by ${holder.kind} "${holder.name}", and its disk ` +
    'cannot share blocks with a copy (xfs and btrfs can): stop its user until the copy is made';
  throw new VolumeError('InUse', message);
}

export async function imageOf(volume: Volume, disks: NodeDisks): Promise<VolumeImage | undefined> {
  return await disks.imagesOf(diskOf(volume))?.find(idOf(volume));
}

export function idOf({ metadata }: Volume): VolumeId {
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

export function diskMissing(volume: Volume, disks: NodeDisks): Problem {
  const have = disks.names.join(', ');
  const path = disks.pathOf(diskOf(volume));
  const message =
    path === undefined
      ? `this node has no disk "${diskOf(volume)}" (it has ${have}): declare it with --disk`
      : `${path} is not there: mount the disk "${diskOf(volume)}"`;
  return { reason: 'DiskMissing', message, waits: false };
}

function dataMissing(path: string): Problem {
  const message = `${path} is gone: mount its disk, or bring the file back`;
  return { reason: 'DataMissing', message, waits: false };
}

const waiting: readonly VolumeErrorReason[] = ['SourceMissing', 'InUse', 'FileSystemResizePending'];

export function problemOf({ reason, message }: VolumeError): Problem {
  return { reason, message, waits: waiting.includes(reason) };
}
