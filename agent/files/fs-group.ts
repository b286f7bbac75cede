/** Gives a directory that a pod may write to the pod's `fsGroup`. Source: Kubernetes, `SetVolumeOwnership`. */
import { chmod, chown, lchown, lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/kinds.gen.ts';

const writeMode = 0o660;
const directoryMode = 0o110;
/** What is made in the directory belongs to its group, too. */
const setGid = 0o2000;

/** Nothing happens in a pod without `fsGroup`. */
export async function giveToGroup(path: string, { spec }: Pod): Promise<void> {
  const gid = spec.securityContext?.fsGroup;
  if (gid === undefined) return;
  const found = await stat(path);
  await chown(path, found.uid, gid);
  const more = found.isDirectory() ? directoryMode | setGid : 0;
  await chmod(path, (found.mode & 0o7777) | writeMode | more);
}

/** All that is in a volume, unless its root is the group's already and the pod says that this is enough. */
export async function giveTreeToGroup(path: string, pod: Pod): Promise<void> {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  if (fsGroupChangePolicy === 'OnRootMismatch' && (await stat(path)).gid === fsGroup) return;
  await giveTree(path, fsGroup, pod);
}

async function giveTree(path: string, fsGroup: number, pod: Pod): Promise<void> {
  for await (const entry of await opendir(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveTree(child, fsGroup, pod);
    else if (entry.isSymbolicLink()) await lchown(child, (await lstat(child)).uid, fsGroup);
    else await giveToGroup(child, pod);
  }
  // Last, so that a root of the group means that all below it is, too.
  await giveToGroup(path, pod);
}
