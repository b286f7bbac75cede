/** Fences a scheduler's writes: they happen only while it holds its lease. */
import { asString, at } from '../../api/json.ts';
import type { JsonObject } from '../../api/meta.ts';
import { badRequest, conflict } from '../../api/status.ts';
import { objectKey } from '../storage/keys.ts';
import type { Guard } from '../storage/object-store.ts';
import type { VerbDeps } from '../verbs/deps.ts';

const place = { group: 'coordination.k8s.io', plural: 'leases' } as const;

/**
 * The lease's key and revision, if the sender still holds it; throws 409 if it does not. The holder's own renewal moves
 * the revision, so that it is looked up anew for another attempt.
 */
export async function leaseGuard(
  deps: VerbDeps,
  lease: JsonObject | undefined,
  signal: AbortSignal,
): Promise<Guard> {
  const namespace = asString(lease?.['namespace']);
  const name = asString(lease?.['name']);
  if (name === '')
    throw badRequest('lease: Required value: name the lease under which you schedule');
  const held = await deps.objects.get(place, { namespace, name }, signal);
  const same =
    held !== undefined &&
    asString(at(held.object, 'spec', 'holderIdentity')) === asString(lease?.['holderIdentity']) &&
    Number(at(held.object, 'spec', 'leaseTransitions') ?? 0) ===
      Number(lease?.['leaseTransitions'] ?? 0);
  if (!same)
    throw conflict(
      { group: place.group, resource: place.plural },
      name,
      'the lease is held by another scheduler: nothing was done',
    );
  return { key: objectKey(place, { namespace, name }), revision: held.revision };
}
