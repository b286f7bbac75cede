/** What is to be done about one object: delete it, take a reference from it, or let its owner go. */
import {
  type KubeObject,
  type ObjectKey,
  type OwnerReference,
  parseKey,
  type Resource,
} from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { Log } from '../../lib/log.ts';
import type { Found, Kinds } from './kinds.ts';
import {
  classifyOwners,
  foregroundFinalizer,
  hasFinalizer,
  isOrphaning,
  isWaiting,
  liveObject,
  looksSettled,
  orphanFinalizer,
} from './owners.ts';

export interface CollectDeps {
  readonly kinds: Kinds;
  readonly client: Client;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Has another object looked at. */
  enqueue(resource: Resource, object: KubeObject): void;
}

/** `again` = not all kinds are known yet: come back soon. */
export type Collected = 'done' | 'again';

/** How often a reference is taken from one object that changes under our hands. */
const conflictsMax = 5;

export async function collect(
  deps: CollectDeps,
  resource: Resource,
  key: string,
): Promise<Collected> {
  const cached = deps.kinds.get(resource, key);
  if (cached === undefined) return 'done';
  if (isOrphaning(cached)) return orphanDependents(deps, resource, cached);
  if (isWaiting(cached)) return deleteDependents(deps, resource, cached);
  if (cached.metadata.deletionTimestamp !== undefined) return 'done';
  if (looksSettled(deps.kinds, cached)) return 'done';
  return collectDependent(deps, resource, key);
}

/** The object's owners seem to be gone, or going: asks the server, then acts. */
async function collectDependent(
  deps: CollectDeps,
  resource: Resource,
  key: string,
): Promise<Collected> {
  const { kinds, client, log, signal } = deps;
  const object = await liveObject(client, resource, parseKey(key), { signal });
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return 'done';
  const { solid, absent, waiting } = await classifyOwners(kinds, client, object, { signal });
  if (absent.length === 0 && waiting.length === 0) return 'done';
  if (solid.length > 0) {
    const gone = new Set([...absent, ...waiting].map(({ uid }) => uid));
    await takeReferences(deps, { resource, object }, gone);
    return 'done';
  }
  const dependents = kinds.dependents(object.metadata.uid ?? '');
  if (waiting.length > 0 && dependents.length > 0) {
    if (dependents.some(({ object: dependent }) => isWaiting(dependent))) {
      await unblock(deps, { resource, object });
    }
    await remove(deps, { resource, object }, 'Foreground');
  } else {
    await remove(deps, { resource, object }, policyOf(object));
  }
  log.info({ kind: resource.kind, key, uid: object.metadata.uid }, 'object collected');
  return 'done';
}

/** Deletes what a waiting owner owns; lets it go when nothing blocks it any more. */
async function deleteDependents(
  deps: CollectDeps,
  resource: Resource,
  owner: KubeObject,
): Promise<Collected> {
  if (!deps.kinds.synced) return 'again';
  const { uid = '' } = owner.metadata;
  const blocking = deps.kinds
    .dependents(uid)
    .filter(({ object }) => references(object, uid).some((each) => each.blockOwnerDeletion));
  if (blocking.length === 0) {
    await takeFinalizer(deps, { resource, object: owner }, foregroundFinalizer);
    return 'done';
  }
  for (const { resource: kind, object } of blocking) {
    // One that is going already wakes its owner when it is gone.
    if (object.metadata.deletionTimestamp === undefined) deps.enqueue(kind, object);
  }
  return 'done';
}

/** Takes the owner's reference from everything it owns, then lets it go. */
async function orphanDependents(
  deps: CollectDeps,
  resource: Resource,
  owner: KubeObject,
): Promise<Collected> {
  // A kind that is not yet known would lose its objects to the next collection.
  await deps.kinds.refresh({ signal: deps.signal });
  if (!deps.kinds.synced) return 'again';
  const { uid = '' } = owner.metadata;
  for (const found of deps.kinds.dependents(uid)) {
    await takeReferences(deps, found, new Set([uid]));
  }
  await takeFinalizer(deps, { resource, object: owner }, orphanFinalizer);
  return 'done';
}

function references({ metadata }: KubeObject, uid: string): readonly OwnerReference[] {
  return (metadata.ownerReferences ?? []).filter((each) => each.uid === uid);
}

/** As its own deletion was asked for, if it was. */
function policyOf({ metadata }: KubeObject): 'Background' | 'Foreground' | 'Orphan' {
  if (hasFinalizer(metadata, orphanFinalizer)) return 'Orphan';
  return hasFinalizer(metadata, foregroundFinalizer) ? 'Foreground' : 'Background';
}

async function remove(
  { client, signal }: CollectDeps,
  { resource, object }: Found,
  propagationPolicy: 'Background' | 'Foreground' | 'Orphan',
): Promise<void> {
  const { uid = '', resourceVersion = '' } = object.metadata;
  // Exactly what was judged: an owner added meanwhile makes this a conflict.
  const preconditions = { uid, resourceVersion };
  try {
    await client.delete(resource, keyIn(object), { propagationPolicy, preconditions, signal });
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error;
  }
}

async function takeReferences(
  deps: CollectDeps,
  found: Found,
  uids: ReadonlySet<string>,
): Promise<void> {
  await change(deps, found, ({ metadata }) => {
    const { ownerReferences = [] } = metadata;
    const rest = ownerReferences.filter(({ uid }) => !uids.has(uid));
    return rest.length === ownerReferences.length
      ? undefined
      : { ownerReferences: rest.length === 0 ? null : rest.map((each) => ({ ...each })) };
  });
}

/** Breaks a circle of owners that wait for each other. */
async function unblock(deps: CollectDeps, found: Found): Promise<void> {
  await change(deps, found, ({ metadata }) => ({
    ownerReferences: (metadata.ownerReferences ?? []).map((each) => ({
      ...each,
      blockOwnerDeletion: false,
    })),
  }));
}

async function takeFinalizer(deps: CollectDeps, found: Found, name: string): Promise<void> {
  await change(deps, found, ({ metadata }) => {
    const { finalizers = [] } = metadata;
    if (!finalizers.includes(name)) return undefined;
    return { finalizers: finalizers.filter((each) => each !== name) };
  });
}

type MetadataPatch = { readonly [field: string]: null | readonly string[] | readonly object[] };

/** Changes lists of the metadata as they are on the server now; nothing to do when the object is another. */
async function change(
  { client, signal }: CollectDeps,
  { resource, object }: Found,
  edit: (live: KubeObject) => MetadataPatch | undefined,
): Promise<void> {
  for (let conflicts = 0; ; conflicts += 1) {
    const live = await liveObject(client, resource, keyIn(object), { signal });
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return;
    const metadata = edit(live);
    if (metadata === undefined) return;
    const { uid, resourceVersion } = live.metadata;
    const patch = { metadata: { uid, resourceVersion, ...plain(metadata) } };
    try {
      await client.patch(resource, keyIn(object), patch, { signal });
      return;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return;
      if (!hasReason(error, 'Conflict') || conflicts >= conflictsMax) throw error;
    }
  }
}

function plain(
  metadata: MetadataPatch,
): Record<string, null | string[] | Record<string, string>[]> {
  // Finalizers are strings and references are flat objects: plain JSON both.
  return metadata as Record<string, null | string[] | Record<string, string>[]>;
}

function keyIn({ metadata }: KubeObject): ObjectKey {
  const { name = '', namespace } = metadata;
  return namespace === undefined ? { name } : { name, namespace };
}
