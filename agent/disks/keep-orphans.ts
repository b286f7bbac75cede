/** Images whose volume is gone although nobody has ended it: they become what a volume leaves behind. */
import type { Volume } from '../../api/kinds.gen.ts';
import { volumes } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Log } from '../../lib/log.ts';
import type { VolumeRoom } from './make-volume.ts';

export interface OrphanOptions {
  readonly nodeName: string;
  readonly client: Client;
  readonly log: Log;
}

/** Nothing is removed, whatever its volume said of it: whoever deleted that did not wait for its node. */
export async function keepOrphans(
  { disks, known, locks, mounts, serial }: VolumeRoom,
  { nodeName, client, log }: OrphanOptions,
  options: CallOptions,
): Promise<void> {
  if (!known.live) return;
  let listed: ReadonlySet<string | undefined> | undefined;
  for (const disk of disks.names) {
    const images = disks.imagesOf(disk);
    for (const image of (await images?.list('used')) ?? []) {
      const { uid } = image;
      if (known.get(uid) !== undefined || (await locks.holderOf(uid)) !== undefined) continue;
      // A cache is no reason: the API is asked once more.
      listed ??= await uidsOn(nodeName, client, options);
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
  nodeName: string,
  client: Client,
  { signal }: CallOptions,
): Promise<ReadonlySet<string | undefined>> {
  const fieldSelector = `spec.nodeName=${nodeName}`;
  const { items } = await client.list<Volume>(volumes, { fieldSelector, signal });
  return new Set(items.map(({ metadata }) => metadata.uid));
}
