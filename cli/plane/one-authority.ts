/** Whether this server has the authority of the plane whose store it opens: servers of one plane share it as files. */

import type { CallOptions } from '../../lib/call.ts';
import type { Store } from '../../store/index.ts';
import { Failure } from '../failure.ts';
import { authorityHash } from './authority.ts';
import type { PlanePaths } from './paths.ts';

const authorityKey = 'system/authority';

/**
 * Marks the store with the first server's authority. A store that others share (`isShared`) is refused with another one,
 * by a `Failure`: nodes and clients of the plane would believe this server nothing, and it none of theirs. A store of
 * one's own follows.
 */
export async function settleAuthority(
  store: Store,
  { ca, isShared, paths }: { ca: string; isShared: boolean; paths: PlanePaths },
  { signal }: CallOptions,
): Promise<void> {
  const hash = authorityHash(ca);
  const marked = await store.get(authorityKey, { signal });
  const known = marked === undefined ? undefined : Buffer.from(marked.value).toString('utf8');
  if (known === hash) return;
  if (known !== undefined && isShared) throw refused(known, hash, paths);
  const result = await store.txn(
    {
      compare: [{ key: authorityKey, modRevision: marked?.modRevision ?? 0n }],
      then: [{ type: 'put', key: authorityKey, value: Buffer.from(hash) }],
      otherwise: [{ type: 'get', key: authorityKey }],
    },
    { signal },
  );
  if (result.succeeded) return;
  const [other] = result.entries;
  const theirs = other === undefined ? '' : Buffer.from(other.value).toString('utf8');
  if (theirs !== hash) throw refused(theirs, hash, paths);
}

/** A plane that is restored without its keys gets new ones. */
export async function forgetAuthority(store: Store, { signal }: CallOptions): Promise<void> {
  const forget = { type: 'delete', key: authorityKey } as const;
  await store.txn({ compare: [], then: [forget], otherwise: [] }, { signal });
}

function refused(theirs: string, ours: string, { dataDir }: PlanePaths): Failure {
  return new Failure(
    `the plane in this store has another authority (${theirs}) than this server (${ours}): copy ` +
      'pki/ca.crt, pki/ca.key, pki/sa.key, pki/sa.pub and tokens.csv of a server that serves it to ' +
      `${dataDir}, remove the other files of ${dataDir}/pki, and start again. Is the plane to have ` +
      `a new authority, stop all of its servers first and delete the key /berth/${authorityKey} in its etcd`,
  );
}
