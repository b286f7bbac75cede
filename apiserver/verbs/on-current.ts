/**
 * Reading, changing and writing one object. The first attempt starts from the cached object, which
 * saves a read of the store; when that one turns out to be old, or the attempt is refused, the next
 * starts from what the store has. Source: upstream's GuaranteedUpdate.
 */

import { StatusError } from '../../api/status.ts';
import { placeOf } from '../registry/served-kind.ts';
import type { Cached } from '../storage/cached.ts';
import { objectKey } from '../storage/keys.ts';
import type { KindRequest, VerbDeps } from './deps.ts';
import { prepareViews } from './view.ts';

/** Somebody else's write comes in between at most this often. */
const maxTries = 5;

/** What an attempt starts from. */
export interface Start {
  readonly old: Cached | undefined;
  /** Whether `old` is what the store has now, so that leaving it as it is can be an answer. */
  isCurrent(): Promise<boolean>;
}

/**
 * Resolves with the first result that is not `undefined`; with `undefined` when every attempt was
 * overtaken. An attempt must write only by a transaction that compares the revision of `old`.
 */
export async function onCurrent<T>(
  deps: VerbDeps,
  request: KindRequest,
  attempt: (start: Start) => Promise<T | undefined>,
): Promise<T | undefined> {
  const cached = deps.objects.cache.newest(keyOf(request));
  if (cached !== undefined) {
    const read = async () => (await currentObject(deps, request))?.revision === cached.revision;
    await prepareViews(deps, request, [cached]);
    const done = await onCached(cached, read, attempt);
    if (done !== undefined) return done;
  }
  for (let tries = 1; tries <= maxTries; tries += 1) {
    const old = await currentObject(deps, request);
    if (old !== undefined) await prepareViews(deps, request, [old]);
    const done = await attempt({ old, isCurrent: async () => true });
    if (done !== undefined) return done;
  }
  return undefined;
}

/** The stored object the request names, as of now. */
export function currentObject(deps: VerbDeps, request: KindRequest): Promise<Cached | undefined> {
  const { kind, info } = request;
  const key = { ...(kind.namespaced ? { namespace: info.namespace } : {}), name: info.name };
  return deps.objects.get(placeOf(kind), key, request.request.signal);
}

/** A refusal may come from looking at an old object: then it is no answer yet. */
async function onCached<T>(
  old: Cached,
  isCurrent: () => Promise<boolean>,
  attempt: (start: Start) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await attempt({ old, isCurrent });
  } catch (error) {
    // Whoever judged the right object is not asked twice.
    if (!(error instanceof StatusError) || error.code >= 500 || (await isCurrent())) throw error;
    return undefined;
  }
}

function keyOf({ kind, info }: KindRequest): string {
  return objectKey(placeOf(kind), {
    ...(kind.namespaced ? { namespace: info.namespace } : {}),
    name: info.name,
  });
}
