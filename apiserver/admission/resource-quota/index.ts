/**
 * New objects, and Volumes that grow, are charged to the quotas of their namespace, in the transaction that stores them: no
 * quota is ever exceeded, whatever number of servers write, and a write that fails has cost nothing.
 * Kubernetes charges first and stores then, and leaves what was charged in vain to a controller.
 */

import { at } from '../../../api/json.ts';
import type { JsonObject } from '../../../api/meta.ts';
import { type Amounts, amountsOf } from '../../../api/pod-resources.ts';
import { isVolumes, totalUsage } from '../../../api/quota.ts';
import { conflict, forbidden } from '../../../api/status.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Cached } from '../../storage/cached.ts';
import { listPrefix } from '../../storage/keys.ts';
import type { GuardedWrite, ObjectStore, WriteResult } from '../../storage/object-store.ts';
import type { AdmissionPlugin, Attributes, Write } from '../plugin.ts';
import { charge, type Newcomer } from './charge.ts';
import { Turns } from './turns.ts';

const resourceQuotas = { group: '', plural: 'resourcequotas' };
/** Each try that fails means that another server has stored something. */
const maxTries = 50;

export interface QuotaDeps {
  readonly objects: ObjectStore;
  readonly clock: Clock;
}

export function resourceQuota(deps: QuotaDeps): AdmissionPlugin {
  const { cache } = deps.objects;
  const turns = new Turns();
  return {
    name: 'ResourceQuota',
    handles: ({ operation, served, subresource, namespace }) =>
      // Of what is there only Volumes may grow.
      (operation === 'CREATE' || (operation === 'UPDATE' && isVolumes(served))) &&
      subresource === '' &&
      served.namespaced &&
      !isFree(served) &&
      cache.list(listPrefix(resourceQuotas, namespace)).length > 0,
    // One after the other: within a server nobody has to try again.
    commit: (attributes, object, write) =>
      turns.take(attributes.namespace, () => commit(deps, attributes, object, write)),
  };
}

/** As upstream: what is said about others is never counted. */
function isFree({ group, plural }: { group: string; plural: string }): boolean {
  return plural === 'events' && (group === '' || group === 'events.k8s.io');
}

async function commit(
  deps: QuotaDeps,
  attributes: Attributes,
  object: JsonObject,
  write: Write,
): Promise<WriteResult> {
  const { served, namespace, name, signal } = attributes;
  const { cache } = deps.objects;
  const kind = { group: served.group, plural: served.plural };
  const newcomer: Newcomer = { kind, object, old: attributes.old, nowMs: deps.clock.now() };
  let quotas: readonly Cached[] = cache
    .list(listPrefix(resourceQuotas, namespace))
    .map((cached) => cache.newest(cached.key) ?? cached);
  for (let tries = 1; tries <= maxTries; tries += 1) {
    signal.throwIfAborted();
    const charged = await chargeAll(deps, attributes, quotas, newcomer);
    if (charged.type === 'refused') {
      // The word of the cache is not enough to turn somebody away.
      const now = tries === 1 ? await reread(deps, quotas, signal) : quotas;
      if (tries > 1 || same(quotas, now))
        throw forbidden({ group: kind.group, resource: kind.plural }, name, charged.why);
      quotas = now;
      continue;
    }
    const result = await write(charged.writes);
    if (result.type !== 'raced') return result;
    const now = await reread(deps, quotas, signal);
    // None of the quotas has changed: it is the object's own name that is taken.
    if (same(quotas, now)) return result;
    quotas = now;
  }
  throw conflict(
    { group: '', resource: 'resourcequotas' },
    String(at(quotas[0]?.object, 'metadata', 'name') ?? ''),
    'the quota is changed all the time; please try again',
  );
}

type Charged =
  | { readonly type: 'charged'; readonly writes: readonly GuardedWrite[] }
  | { readonly type: 'refused'; readonly why: string };

async function chargeAll(
  deps: QuotaDeps,
  attributes: Attributes,
  quotas: readonly Cached[],
  newcomer: Newcomer,
): Promise<Charged> {
  const writes: GuardedWrite[] = [];
  for (const { key, revision, object } of quotas) {
    let result = charge(object, newcomer);
    if (result.type === 'unknown') {
      const counted = await count(deps, attributes, object, result.names);
      result = charge(object, newcomer, counted);
    }
    if (result.type === 'refused') return result;
    if (result.type === 'charged') writes.push({ key, expected: revision, object: result.quota });
  }
  return { type: 'charged', writes };
}

/** Counts what a new quota, or a new name in one, has no figure for yet. */
async function count(
  { objects, clock }: QuotaDeps,
  { namespace, signal }: Attributes,
  quota: JsonObject,
  names: readonly string[],
): Promise<Amounts> {
  await objects.cache.fresh(signal);
  const ofKind = (kind: { group: string; plural: string }) =>
    objects.cache.list(listPrefix(kind, namespace)).map(({ object }) => object);
  const known = amountsOf(at(quota, 'status', 'used'));
  const used = totalUsage(quota, names, ofKind, clock.now());
  return new Map([...used, ...known]);
}

/** The quotas as the store has them; those that are gone no longer count. */
async function reread(
  { objects }: QuotaDeps,
  quotas: readonly Cached[],
  signal: AbortSignal,
): Promise<readonly Cached[]> {
  const now = await Promise.all(
    quotas.map(({ object }) =>
      objects.get(
        resourceQuotas,
        {
          namespace: String(at(object, 'metadata', 'namespace')),
          name: String(at(object, 'metadata', 'name')),
        },
        signal,
      ),
    ),
  );
  return now.filter((quota) => quota !== undefined);
}

function same(before: readonly Cached[], now: readonly Cached[]): boolean {
  return (
    before.length === now.length &&
    before.every(({ revision }, index) => revision === now[index]?.revision)
  );
}
