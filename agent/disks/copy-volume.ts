/** Copies of a volume that somebody may be using: whoever writes to it is held still, in the way that suits them. */
import type { Volume } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import { type Hold, heldMaxMs, tooLong } from '../../runtime/disk/frozen.ts';
import { VolumeError } from '../../runtime/disk/volume-error.ts';
import {
  canReflink,
  type ImageSource,
  type VolumeImage,
} from '../../runtime/disk/volume-images.ts';
import type { MachineControl } from '../../runtime/machine.ts';
import type { VolumeRoom } from './room.ts';
import type { VolumeHolder } from './volume-locks.ts';

export interface VolumeCopy {
  readonly source: ImageSource;
  /** Whether its file systems were in order, known when it is made; else it is as after a power cut. */
  readonly frozen: () => boolean;
}

export interface CopyRequest {
  readonly volume: Volume;
  readonly image: VolumeImage;
  /** Of what is made: it is not tried twice to hold the same holder for too long for it. */
  readonly forUid: string;
  /** Name of the disk where it is made. */
  readonly disk: string;
}

/** `VolumeError` `InUse` when whoever uses it cannot be held. Runs in the volume's serial. */
export async function copyOf(
  request: CopyRequest,
  room: VolumeRoom,
  options: CallOptions,
): Promise<VolumeCopy> {
  const { volume, image, forUid, disk } = request;
  const { uid = '' } = volume.metadata;
  const holder = await room.locks.holderOf(uid);
  if (holder === undefined)
    return { source: { type: 'copy', path: image.path }, frozen: () => true };
  if (room.tooLong.has(forUid, holder)) throw tooLong();
  const path = disk === volume.spec.allocation?.disk ? room.disks.pathOf(disk) : undefined;
  const shares = path !== undefined && (await canReflink(path, options));
  const isMounted = await room.mounts.isMounted(uid);
  const control = holder.kind === 'VM' ? room.machines : undefined;
  if (!isMounted && control === undefined && !shares) throw inUse(volume, holder);
  let frozen = isMounted;
  const held: Hold = async (task) => {
    if (isMounted) return await room.mounts.frozen(uid, task, options);
    const flushed: typeof task = async (call) => {
      await room.mounts.flush(image.path, call);
      return await task(call);
    };
    if (control === undefined) return await flushed(options);
    return await stilled(control, holder, { pause: !shares }, options, async (still, call) => {
      frozen = still;
      return await flushed(call);
    });
  };
  const hold: Hold = async (task) => {
    try {
      return await held(task);
    } catch (error) {
      if (error instanceof VolumeError && error.reason === 'InUse')
        room.tooLong.note(forUid, holder);
      throw error;
    }
  };
  return { source: { type: 'copy', path: image.path, hold, shares }, frozen: () => frozen };
}

/** A guest writes nothing while its agent holds its file systems, or while it is halted. */
async function stilled<T>(
  control: MachineControl,
  { uid }: VolumeHolder,
  { pause }: { readonly pause: boolean },
  options: CallOptions,
  task: (frozen: boolean, options: CallOptions) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  try {
    return await control.still(uid, { pause, maxMs: heldMaxMs, over }, options, task);
  } catch (error) {
    if (over.signal.aborted && !options.signal.aborted) throw tooLong();
    throw error;
  }
}

function inUse({ metadata }: Volume, holder: VolumeHolder): VolumeError {
  const message =
    `volume "${metadata.name}" is in use by ${holder.kind} "${holder.name}" as a block device, and ` +
    'its disk cannot share blocks with a copy (xfs and btrfs can): stop its user until it is copied';
  return new VolumeError('InUse', message);
}
