/** Images whose volume or snapshot is gone although nobody has ended it: they become what a volume leaves behind. */
import type { Volume, VolumeSnapshot } from '../../api/kinds.gen.ts';
import type { KubeObject, Resource } from '../../api/meta.ts';
import { volumeSnapshots, volumes } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Log } from '../../lib/log.ts';
import type { VolumeImages } from '../../runtime/disk/volume-images.ts';
import type { Known } from './known.ts';
import type { VolumeRoom } from './room.ts';

export interface OrphanOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly log: Log;
}

/** Nothing is removed, whatever its object said of it: whoever deleted that did not wait for its node. */
export async function keepOrphans(
  room: VolumeRoom,
  orphans: OrphanOptions,
  options: CallOptions,
): Promise<void> {
  const { disks, known, snapshots } = room;
  await keep(volumes, known, (disk) => disks.imagesOf(disk), room, orphans, options);
  await keep(volumeSnapshots, snapshots, (disk) => disks.snapshotsOf(disk), room, orphans, options);
}

async function keep(
  resource: Resource,
  known: Known<Volume> | Known<VolumeSnapshot>,
  imagesOf: (disk: string) => VolumeImages | undefined,
  { disks, locks, mounts, serial }: VolumeRoom,
  { nodeName, client, log }: OrphanOptions,
  options: CallOptions,
): Promise<void> {
  if (!known.live) return;
  let listed: ReadonlySet<string | undefined> | undefined;
  for (const disk of disks.names) {
    const images = imagesOf(disk);
    for (const image of (await images?.list()) ?? []) {
      const { uid } = image;
      if (known.get(uid) !== undefined || (await locks.holderOf(uid)) !== undefined) continue;
      // A cache is no reason: the API is asked once more.
      listed ??= await uidsOn(resource, nodeName, client, options);
      if (listed.has(uid)) continue;
      await serial.run(uid, async () => {
        await mounts.release(uid, image.path, options);
        const path = await images?.retain(image);
        log.warn({ uid, path }, 'data of a volume that is gone are kept');
      });
    }
  }
}

async function uidsOn(
  resource: Resource,
  nodeName: string,
  client: Client,
  { signal }: CallOptions,
): Promise<ReadonlySet<string | undefined>> {
  const fieldSelector = `spec.nodeName=${nodeName}`;
  const { items } = await client.list<KubeObject>(resource, { fieldSelector, signal });
  return new Set(items.map(({ metadata }) => metadata.uid));
}
