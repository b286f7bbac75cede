/** Takes a snapshot of a volume, once, on the disk where that lies; and removes it. */
import { stat } from 'node:fs/promises';
import type { VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { VolumeError } from '../../runtime/disk/volume-error.ts';
import type { VolumeImages } from '../../runtime/disk/volume-images.ts';
import { copyOf } from './copy-volume.ts';
import { dataMissing, diskMissing, idOf, imageOf, problemOf } from './make-volume.ts';
import type { VolumeRoom } from './room.ts';
import type { SnapshotState } from './snapshot-status.ts';
import type { Problem } from './volume-status.ts';

/** Never rejects because of what is wrong with it: that is its state. */
export async function takeSnapshot(
  snapshot: VolumeSnapshot,
  room: VolumeRoom,
  clock: Clock,
  options: CallOptions,
): Promise<SnapshotState> {
  const disk = diskOf(snapshot);
  const images = room.disks.snapshotsOf(disk);
  const { path } = snapshot.status ?? {};
  if (images === undefined || !(await room.disks.isThere(disk))) {
    return { type: 'problem', problem: diskMissing(disk, room.disks), lost: path !== undefined };
  }
  const known = await images.find(idOf(snapshot));
  if (known !== undefined) {
    if (path !== undefined) return { type: 'taken', ...known };
    // The agent that took it could not tell any more.
    const { mtimeMs } = await stat(known.path);
    return { type: 'taken', ...known, takenAtMs: mtimeMs, frozen: false };
  }
  // What was taken once is never taken anew: it would be of another time.
  if (path !== undefined) return { type: 'problem', problem: dataMissing(path), lost: true };
  try {
    return await take(snapshot, images, room, clock, options);
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    return { type: 'problem', problem: problemOf(error), lost: false };
  }
}

/** `undefined` when nothing of it is left, else why it has to wait. */
export async function removeSnapshot(
  snapshot: VolumeSnapshot,
  { disks, known }: VolumeRoom,
): Promise<Problem | undefined> {
  const disk = diskOf(snapshot);
  const images = disks.snapshotsOf(disk);
  if (images === undefined || !(await disks.isThere(disk))) return diskMissing(disk, disks);
  const { namespace, name } = snapshot.metadata;
  const next = known
    .list()
    .filter(({ metadata, spec }) => {
      return metadata.namespace === namespace && spec.source?.snapshot === name;
    })
    .find(({ metadata, status }) => {
      return metadata.deletionTimestamp === undefined && status?.path === undefined;
    });
  if (next !== undefined) {
    const message = `volume "${next.metadata.name}" is being made from it`;
    return { reason: 'InUse', message, waits: true };
  }
  await images.wipe(idOf(snapshot));
  return undefined;
}

async function take(
  snapshot: VolumeSnapshot,
  images: VolumeImages,
  room: VolumeRoom,
  clock: Clock,
  options: CallOptions,
): Promise<SnapshotState> {
  const { volume: name, allocation } = snapshot.spec;
  const volume = room.known.get(allocation?.volumeUID ?? '');
  if (volume === undefined) {
    const message = `volume "${name}" was deleted before it was taken`;
    const problem: Problem = { reason: 'SourceMissing', message, waits: false };
    return { type: 'problem', problem, lost: true };
  }
  const id = idOf(snapshot);
  // Nobody begins to use it, or ends it, while it is copied.
  return await room.serial.run(volume.metadata.uid ?? '', async () => {
    const image = await imageOf(volume, room.disks);
    if (image === undefined)
      throw new VolumeError('SourceMissing', `volume "${name}" is not made yet`);
    const copy = await copyOf(
      { volume, image, forUid: id.uid, disk: diskOf(snapshot) },
      room,
      options,
    );
    const takenAtMs = clock.now();
    const { sizeBytes } = image;
    const made = await images.ensure({ id, sizeBytes, source: copy.source }, options);
    return { type: 'taken', ...made, takenAtMs, frozen: copy.frozen() };
  });
}

function diskOf({ spec }: VolumeSnapshot): string {
  return spec.allocation?.disk ?? '';
}
