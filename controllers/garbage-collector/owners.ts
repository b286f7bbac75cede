/** Sorts the owners of an object into those that are there, gone, or going with their dependents. */
import {
  type KubeObject,
  keyOf,
  type ObjectKey,
  type OwnerReference,
  parseApiVersion,
  type Resource,
} from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Kinds } from './kinds.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export interface Owners {
  readonly solid: readonly OwnerReference[];
  readonly absent: readonly OwnerReference[];
  /** Deleted in the foreground, and waiting for what they own. */
  readonly waiting: readonly OwnerReference[];
}

/** Where the owner of `dependent` would be; undefined = its kind is unknown, so nothing can be said. */
export function ownerPlace(
  kinds: Kinds,
  dependent: KubeObject,
  reference: OwnerReference,
): { readonly resource: Resource; readonly key: ObjectKey } | 'impossible' | undefined {
  const { group } = parseApiVersion(reference.apiVersion);
  const resource = kinds.resourceOf(group, reference.kind);
  if (resource === undefined) return undefined;
  const { name } = reference;
  if (!resource.namespaced) return { resource, key: { name } };
  const { namespace } = dependent.metadata;
  // A namespaced owner of a cluster-scoped object cannot exist.
  return namespace === undefined ? 'impossible' : { resource, key: { namespace, name } };
}

/** From caches alone: whether there is any reason to look closer. */
export function looksSettled(kinds: Kinds, object: KubeObject): boolean {
  return (object.metadata.ownerReferences ?? []).every((reference) => {
    const place = ownerPlace(kinds, object, reference);
    if (place === undefined) return true;
    if (place === 'impossible') return false;
    const owner = kinds.get(place.resource, keyOf({ metadata: place.key }));
    return owner?.metadata.uid === reference.uid && !isWaiting(owner);
  });
}

/** From the server itself; throws when an owner can be neither found nor ruled out. */
export async function classifyOwners(
  kinds: Kinds,
  client: Client,
  object: KubeObject,
  { signal }: CallOptions,
): Promise<Owners> {
  const solid: OwnerReference[] = [];
  const absent: OwnerReference[] = [];
  const waiting: OwnerReference[] = [];
  for (const reference of object.metadata.ownerReferences ?? []) {
    const place = ownerPlace(kinds, object, reference);
    if (place === undefined) {
      solid.push(reference); // Its kind may come back.
      continue;
    }
    const owner =
      place === 'impossible'
        ? undefined
        : await liveObject(client, place.resource, place.key, { signal });
    if (owner?.metadata.uid !== reference.uid) absent.push(reference);
    else if (isWaiting(owner)) waiting.push(reference);
    else solid.push(reference);
  }
  return { solid, absent, waiting };
}

/** The object as the server has it now. */
export async function liveObject(
  client: Client,
  resource: Resource,
  key: ObjectKey,
  { signal }: CallOptions,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, key, { signal });
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Whether it is being deleted in the foreground. */
export function isWaiting({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && hasFinalizer(metadata, foregroundFinalizer);
}

/** Whether it is being deleted and leaves its dependents behind. */
export function isOrphaning({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && hasFinalizer(metadata, orphanFinalizer);
}

export function hasFinalizer(metadata: KubeObject['metadata'], name: string): boolean {
  return metadata.finalizers?.includes(name) ?? false;
}
