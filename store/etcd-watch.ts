import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { onAbort } from '../lib/on-abort.ts';
import { closedError, type Endpoint, type EtcdEndpoints } from './etcd-endpoints.ts';
import { RevisionGrouper } from './etcd-history.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import { type WatchAnswer, watch } from './etcd-messages.ts';
import { type ChangeSet, type Revision, StoreError, type WatchOptions } from './store.ts';

/** What a watch needs of its store. */
export interface EtcdWatchDeps {
  readonly endpoints: EtcdEndpoints;
  readonly keys: EtcdKeys;
  readonly clock: Clock;
  readonly log: Log;
}

const firstBackoffMs = 50;
const maxBackoffMs = 2_000;

/**
 * Every change under `prefix` after `since`, on etcd's watch stream. The cursor is the last
 * revision delivered as a whole; a stream that breaks is replaced by one that begins there.
 */
export async function* watchEtcd(
  deps: EtcdWatchDeps,
  prefix: string,
  { since, signal, previous = true }: WatchOptions,
): AsyncGenerator<ChangeSet, void> {
  let cursor = since;
  let failures = 0;
  while (!signal.aborted) {
    if (deps.endpoints.isClosed) {
      if (cursor === since && failures === 0) throw closedError();
      return;
    }
    const endpoint = deps.endpoints.current;
    try {
      for await (const step of streamOnce(deps, endpoint, {
        prefix,
        since: cursor,
        signal,
        previous,
      })) {
        failures = 0;
        cursor = step.through;
        if (step.set !== undefined) yield step.set;
        if (signal.aborted || deps.endpoints.isClosed) return;
      }
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (signal.aborted || deps.endpoints.isClosed) return;
      const fields = { endpoint: endpoint.address, prefix, cursor: String(cursor), err: error };
      deps.log.warn(fields, 'etcd watch interrupted');
    }
    endpoint.client.forgetToken();
    deps.endpoints.leave(endpoint);
    failures += 1;
    const waitMs = Math.min(firstBackoffMs * 2 ** (failures - 1), maxBackoffMs);
    await deps.clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** A whole revision, or only the news that there is none up to `through`. */
interface Step {
  readonly set?: ChangeSet;
  readonly through: Revision;
}

/** One stream until it breaks; throws `Compacted`, or whatever broke it. */
async function* streamOnce(
  deps: EtcdWatchDeps,
  endpoint: Endpoint,
  from: Required<WatchOptions> & { readonly prefix: string },
): AsyncGenerator<Step, void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  const created = new AbortController();
  const forget = onAbort(from.signal, end);
  deps.endpoints.onClose.add(end);
  const { attemptTimeoutMs } = deps.endpoints;
  deps.clock.sleep(attemptTimeoutMs, created.signal).then(end, () => undefined);
  const deadlineMs = deps.clock.now() + attemptTimeoutMs;
  const grouper = new RevisionGrouper(deps.keys, from.since);
  // Begins at the cursor itself, not behind it: etcd then refuses exactly if something after the
  // cursor may be gone (a deletion at the compacted revision is not kept), and the grouper drops
  // what was delivered before.
  const request = {
    ...deps.keys.range(from.prefix),
    startRevision: from.since,
    previous: from.previous,
  };
  let through = from.since;
  try {
    from.signal.throwIfAborted();
    const stream = endpoint.client.stream(watch, request, { deadlineMs, signal: stop.signal });
    for await (const response of stream) {
      checkCancelled(response, from.since);
      if (response.created) {
        created.abort();
        continue;
      }
      for (const set of grouper.add(response)) {
        through = set.revision;
        yield { set, through };
      }
      if (response.events.length > 0) continue;
      // A notice of progress: the watch is up to date as of this revision.
      if (response.revision > through) {
        through = response.revision;
        yield { through };
      }
    }
  } finally {
    created.abort();
    forget();
    deps.endpoints.onClose.delete(end);
    end();
  }
}

function checkCancelled(answer: WatchAnswer, cursor: Revision): void {
  if (!answer.canceled) return;
  const { compactRevision, cancelReason } = answer;
  if (compactRevision > 0n) {
    throw new StoreError(
      'Compacted',
      `the history at revision ${cursor} is gone, it begins at ${compactRevision}`,
    );
  }
  throw new Error(`etcd cancelled the watch: ${cancelReason}`);
}
