/** Gives a directory that a pod may write to the pod's `fsGroup`. Source: Kubernetes, `SetVolumeOwnership`. */
import { chmod, chown, stat } from 'node:fs/promises';
import type { Pod } from '../api/kinds.gen.ts';

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
