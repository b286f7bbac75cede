/** What becomes of a deleted volume's data, and then of the volume. */
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import { volumes } from '../../api/resources.gen.ts';
import { hasReason } from '../../api/status.ts';
import { dataFinalizer, protectionFinalizer } from '../../api/volume.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Log } from '../../lib/log.ts';
import { VolumeError } from '../../runtime/disk/volume-error.ts';
import { diskMissing, idOf, problemOf } from './make-volume.ts';
import type { VolumeRoom } from './room.ts';
import type { VolumeHolder } from './volume-locks.ts';
import type { Problem, VolumeState } from './volume-status.ts';

/** `undefined` when the node has done its part, else why it has not. */
export async function endVolume(
  volume: Volume,
  { disks, mounts, locks, snapshots }: VolumeRoom,
  { client, log }: { readonly client: Client; readonly log: Log },
  options: CallOptions,
): Promise<VolumeState | undefined> {
  const {
    finalizers = [],
    uid = '',
    namespace = '',
    name = '',
    resourceVersion = '',
  } = volume.metadata;
  if (!finalizers.includes(dataFinalizer)) return undefined;
  const images = disks.imagesOf(volume.spec.allocation?.disk ?? '');
  const wipes = volume.spec.reclaimPolicy === 'Delete';
  // What lies on a disk that is not the node's any more is kept where it is.
  const there = await disks.isThere(volume.spec.allocation?.disk ?? '');
  if (!there && (wipes || images !== undefined))
    return { problem: diskMissing(volume.spec.allocation?.disk ?? '', disks) };
  const image = await images?.find(idOf(volume));
  const found = image === undefined ? {} : { image };
  const { holder: promised } = volume.status ?? {};
  if (promised !== undefined && finalizers.includes(protectionFinalizer)) {
    return { ...found, problem: inUse(promised) };
  }
  const holder = await locks.holderOf(uid);
  if (holder !== undefined) return { ...found, problem: inUse(holder) };
  const pending = snapshots.list().find((snapshot) => isPending(snapshot, uid));
  if (pending !== undefined) return { ...found, problem: snapshotted(pending) };
  try {
    await mounts.release(uid, image?.path, options);
  } catch (error) {
    if (error instanceof VolumeError) return { ...found, problem: problemOf(error) };
    throw error;
  }
  if (wipes) await images?.wipe(idOf(volume));
  else await images?.retain(idOf(volume));
  log.info({ uid, namespace, name, wiped: wipes }, 'volume ended');
  const rest = finalizers.filter((each) => each !== dataFinalizer);
  const body = { metadata: { uid, resourceVersion, finalizers: rest } };
  const how = { fieldManager: 'berth-agent', type: 'merge', signal: options.signal } as const;
  await client.patch<Volume>(volumes, { namespace, name }, body, how).catch((error) => {
    if (!hasReason(error, 'NotFound')) throw error;
  });
  return undefined;
}

function inUse({ kind, name }: Pick<VolumeHolder, 'kind' | 'name'>): Problem {
  return { reason: 'InUse', message: `${kind} "${name}" still uses it`, waits: true };
}

/** Whoever asked for it before the volume was deleted shall have it. */
function isPending({ metadata, spec, status }: VolumeSnapshot, volumeUid: string): boolean {
  if (spec.allocation?.volumeUID !== volumeUid || metadata.deletionTimestamp !== undefined)
    return false;
  return status?.path === undefined && status?.phase !== 'Failed';
}

function snapshotted({ metadata, status }: VolumeSnapshot): Problem {
  const why = status?.message === undefined ? '' : ` (${status.message})`;
  const message = `snapshot "${metadata.name}" is still to be taken of it${why}: wait, or delete that`;
  return { reason: 'InUse', message, waits: true };
}
