/** Counts what one quota's namespace uses, and writes it into the quota's status. */
import { isDeepStrictEqual } from 'node:util';
import type { ResourceQuota } from '../../api/kinds.gen.ts';
import type { JsonObject, KubeObject, ObjectKey, Resource } from '../../api/meta.ts';
import { amountsOf } from '../../api/pod-resources.ts';
import {
  amountsText,
  type CountedKind,
  goneAtMs,
  isPods,
  isVolumes,
  totalUsage,
} from '../../api/quota.ts';
import { pods, resourceQuotas, volumes } from '../../api/resources.gen.ts';
import type { Client } from '../../client/client.ts';
import { collectionPath } from '../../client/paths.ts';
import type { Clock } from '../../lib/clock.ts';

export interface RecountDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** `undefined` for a kind that the server does not have. */
  resourceOf(kind: CountedKind): Resource | undefined;
}

/**
 * Resolves with when to count again, in milliseconds: a pod past its grace period is no longer counted. Throws
 * `Conflict` when the quota was changed meanwhile, by a creation that was charged to it for one.
 */
export async function recount(
  deps: RecountDeps,
  key: ObjectKey,
  kinds: readonly CountedKind[],
): Promise<number | undefined> {
  const { client, clock, signal } = deps;
  // First the quota, then what it counts: whatever was charged to this version is there to be seen.
  const quota = await client.get<ResourceQuota>(resourceQuotas, key, { signal });
  const objects = new Map<string, Iterable<JsonObject>>();
  for (const kind of kinds) objects.set(idOf(kind), await objectsOf(deps, kind, key));
  const plain = quota as unknown as JsonObject; // What the API answers with is plain JSON.
  const hard = amountsOf(quota.spec.hard);
  const ofKind = (kind: CountedKind) => objects.get(idOf(kind)) ?? [];
  const nowMs = clock.now();
  const used = amountsText(totalUsage(plain, hard.keys(), ofKind, nowMs));
  const status = { hard: amountsText(hard), used };
  if (!isDeepStrictEqual(quota.status, status))
    await client.update(resourceQuotas, { ...quota, status }, { subresource: 'status', signal });
  const soonestMs = Math.min(
    ...[...ofKind({ group: '', plural: 'pods' })].map(goneAtMs).filter((atMs) => atMs > nowMs),
  );
  return Number.isFinite(soonestMs) ? soonestMs - nowMs : undefined;
}

function idOf({ group, plural }: CountedKind): string {
  return `${group}/${plural}`;
}

async function objectsOf(
  { client, signal, resourceOf }: RecountDeps,
  kind: CountedKind,
  { namespace = '' }: ObjectKey,
): Promise<Iterable<JsonObject>> {
  if (isPods(kind) || isVolumes(kind)) {
    const resource = isPods(kind) ? pods : volumes;
    const { items } = await client.list<KubeObject>(resource, { namespace, signal });
    return items as unknown as readonly JsonObject[]; // As above.
  }
  const resource = resourceOf(kind);
  if (resource === undefined) return [];
  // Of all others only the number matters, and a page of one tells it.
  const path = `${collectionPath(resource, namespace)}?limit=1`;
  const { items = [], metadata } = await client.read<Page>(path, { signal });
  const count = items.length + (metadata?.remainingItemCount ?? 0);
  return Array.from({ length: count }, () => ({}));
}

interface Page {
  readonly items?: readonly KubeObject[];
  readonly metadata?: { readonly remainingItemCount?: number };
}
