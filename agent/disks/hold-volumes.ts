/** Brings volumes into use for one instance, and out of it when that has ended. */
import { findCondition } from '../../api/conditions.ts';
import type { DiskRates, Pod, Volume } from '../../api/kinds.gen.ts';
import { parseBytes } from '../../api/quantity.ts';
import { isVm } from '../../api/vm-instance.ts';
import { claimsOf } from '../../api/volume.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { LoopDevice } from '../../runtime/disk/loop-device.ts';
import { VolumeError } from '../../runtime/disk/volume-error.ts';
import type { DeviceLimits, IoLimits } from '../../runtime/runtime.ts';
import { fsTypeOf, idOf, imageOf } from './make-volume.ts';
import type { VolumeRoom } from './room.ts';
import type { VolumeHolder } from './volume-locks.ts';

/** A volume that one instance may use until it gives it back. */
export interface HeldVolume {
  readonly device: LoopDevice;
  readonly sizeBytes: bigint;
  /** Where it is mounted; absent on block devices, and for machines, which mount it themselves. */
  readonly path?: string;
  /** Where the device is, whatever its number; absent on what is mounted. */
  readonly link?: string;
  readonly limits: IoLimits;
}

/** A claimed volume cannot be used now; the message names it and says why. */
export class VolumeWait extends Error {
  override readonly name = 'VolumeWait';
}

/** By the name that the pod claims. Those taken before one that cannot be used stay taken. */
export async function holdVolumes(
  pod: Pod,
  room: VolumeRoom,
  options: CallOptions,
): Promise<ReadonlyMap<string, HeldVolume>> {
  const held = new Map<string, HeldVolume>();
  for (const name of claimsOf(pod)) held.set(name, await holdOne(pod, name, room, options));
  return held;
}

/**
 * The uids of the volumes that are free now; `kept` are those that it goes on using. `VolumeError` `InUse`
 * while something of it still uses one.
 */
export async function releaseVolumes(
  holderUid: string,
  { locks, mounts, serial }: VolumeRoom,
  options: CallOptions,
  kept: ReadonlySet<string> = new Set(),
): Promise<readonly string[]> {
  const freed: string[] = [];
  for (const [uid, holder] of await locks.all()) {
    if (holder.uid !== holderUid || kept.has(uid)) continue;
    await serial.run(uid, async () => {
      await mounts.release(uid, holder.image, options);
      await locks.drop(uid);
    });
    freed.push(uid);
  }
  return freed;
}

/** Uids of those that an instance claims now; undefined while that is not known for sure. */
export function claimedUids(pod: Pod, { known }: VolumeRoom): ReadonlySet<string> | undefined {
  const claimed = claimsOf(pod).map((name) => known.named(pod.metadata.namespace ?? '', name));
  const uids = claimed.flatMap((volume) => (volume === undefined ? [] : [idOf(volume).uid]));
  return known.live && uids.length === claimed.length ? new Set(uids) : undefined;
}

async function holdOne(
  pod: Pod,
  name: string,
  room: VolumeRoom,
  options: CallOptions,
): Promise<HeldVolume> {
  const { known, serial, disks, locks } = room;
  const volume = known.named(pod.metadata.namespace ?? '', name);
  if (volume === undefined) {
    const more = 'VolumesBound says what it waits for';
    throw new VolumeWait(`volume "${name}" has no place on this node yet: ${more}`);
  }
  const { uid } = idOf(volume);
  return await serial.run(uid, async () => {
    const image = await imageOf(volume, disks);
    if (image === undefined)
      throw new VolumeWait(`volume "${name}" is not ready: ${whyOf(volume)}`);
    const me = holderOf(pod, image.path);
    const holder = volume.status?.holder;
    if (holder !== undefined && holder.uid !== me.uid) throw taken(name, holder);
    if (
      volume.metadata.deletionTimestamp !== undefined &&
      holder === undefined &&
      (await locks.holderOf(uid)) === undefined
    )
      throw new VolumeWait(`volume "${name}" is being deleted`);
    const locked = await locks.take(uid, me);
    if (locked.uid !== me.uid) throw taken(name, locked);
    const fsType = isVm(pod) ? undefined : fsTypeOf(volume);
    try {
      await disks.imagesOf(volume.spec.allocation?.disk ?? '')?.fill(image, options);
      const known = { sizeBytes: image.sizeBytes, limits: limitsOf(volume) };
      if (fsType === undefined)
        return { ...(await room.mounts.attach(uid, image, options)), ...known };
      return { ...(await room.mounts.mount(uid, image, fsType, options)), ...known };
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      throw new VolumeWait(`volume "${name}": ${error.message}`, { cause: error });
    }
  });
}

function holderOf(pod: Pod, image: string): VolumeHolder {
  const { namespace = '', name = '', uid = '' } = pod.metadata;
  return { kind: isVm(pod) ? 'VM' : 'Pod', namespace, name, uid, image };
}

function taken(name: string, { kind, name: holder }: Pick<VolumeHolder, 'kind' | 'name'>) {
  return new VolumeWait(`volume "${name}" is held by ${kind} "${holder}": it waits for its end`);
}

function whyOf({ status }: Volume): string {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready?.status === 'False' ? (ready.message ?? '') : 'it is not made yet';
}

/** What the kernel shall enforce: each limit, or what was asked for in its stead. */
export function limitsOf({ spec }: Pick<Volume, 'spec'>): IoLimits {
  const rate = <Field extends keyof DiskRates>(field: Field) =>
    spec.limits?.[field] ?? spec.requests?.[field];
  const [reads, writes] = [rate('readIOPS'), rate('writeIOPS')];
  const [readBytes, writtenBytes] = [rate('readBPS'), rate('writeBPS')];
  return {
    ...(reads === undefined ? {} : { readIops: reads }),
    ...(writes === undefined ? {} : { writeIops: writes }),
    ...(readBytes === undefined ? {} : { readBytesPerSecond: parseBytes(readBytes) }),
    ...(writtenBytes === undefined ? {} : { writeBytesPerSecond: parseBytes(writtenBytes) }),
  };
}

export function deviceLimits({ device, limits }: HeldVolume): DeviceLimits {
  return { device: device.path, number: device.number, ...limits };
}
