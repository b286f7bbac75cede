import type { IWatchRequest, IWatchResponse } from 'etcd3';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { onAbort } from './abort.ts';
import { closedError, type Endpoint, type EtcdEndpoints } from './etcd-endpoints.ts';
import { RevisionGrouper } from './etcd-history.ts';
import type { EtcdKeys } from './etcd-keys.ts';
import { type ChangeSet, type Revision, StoreError } from './store.ts';

/** What a watch needs of its store. */
export interface EtcdWatchDeps {
  readonly endpoints: EtcdEndpoints;
  readonly keys: EtcdKeys;
  readonly clock: Clock;
  readonly log: Log;
}

/** The parts of grpc's duplex stream that are used here. */
interface WatchStream extends AsyncIterable<IWatchResponse> {
  write(request: IWatchRequest): void;
  cancel(): void;
  on(event: 'error', listener: (error: Error) => void): void;
}

const firstBackoffMs = 50;
const maxBackoffMs = 2_000;

/**
 * Every change under `prefix` after `since`, on etcd's raw watch stream. The cursor is the last
 * revision delivered as a whole; a stream that breaks is replaced by one that begins there.
 */
export async function* watchEtcd(
  deps: EtcdWatchDeps,
  prefix: string,
  { since, signal }: { readonly since: Revision; readonly signal: AbortSignal },
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
      for await (const step of streamOnce(deps, endpoint, { prefix, cursor, signal })) {
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
  from: { readonly prefix: string; readonly cursor: Revision; readonly signal: AbortSignal },
): AsyncGenerator<Step, void> {
  const stream = await openStream(endpoint);
  const done = new AbortController();
  const cancel = () => stream.cancel();
  // The loop below throws the same error; without a listener it would end the process.
  stream.on('error', () => undefined);
  const forget = onAbort(from.signal, cancel);
  deps.endpoints.onClose.add(cancel);
  if (from.signal.aborted) cancel();
  const late = deps.clock.sleep(deps.endpoints.attemptTimeoutMs, done.signal);
  late.then(cancel, () => undefined);
  const grouper = new RevisionGrouper(deps.keys, from.cursor);
  let through = from.cursor;
  try {
    stream.write({ create_request: createRequest(deps.keys, from) });
    for await (const response of stream) {
      checkCancelled(response, from.cursor);
      if (response.created) {
        done.abort();
        continue;
      }
      for (const set of grouper.add(response)) {
        through = set.revision;
        yield { set, through };
      }
      if (response.events.length > 0) continue;
      // A notice of progress: the watch is up to date as of this revision.
      const revision = BigInt(response.header.revision);
      if (revision > through) {
        through = revision;
        yield { through };
      }
    }
  } finally {
    done.abort();
    forget();
    deps.endpoints.onClose.delete(cancel);
    stream.cancel();
  }
}

/**
 * The stream fails when its member loses the leader; without that a member that is cut off from
 * the others would keep the watch in silence for ever.
 */
async function openStream(endpoint: Endpoint): Promise<WatchStream> {
  const requireLeader: Interceptor = (options, nextCall) => {
    const call = nextCall(options);
    const start = call.start.bind(call);
    call.start = (metadata, listener) => {
      metadata.set('hasleader', 'true');
      start(metadata, listener);
    };
    // grpc declares its own class here, but uses no more than the interface that `call` has.
    return call as ReturnType<Interceptor>;
  };
  const stream = await endpoint.client.watchClient.watch({ interceptors: [requireLeader] });
  // etcd3 declares less than grpc's stream has: it is a Readable, too.
  return stream as unknown as WatchStream;
}

type WatchOptions = NonNullable<Parameters<Endpoint['client']['watchClient']['watch']>[0]>;
type Interceptor = NonNullable<WatchOptions['interceptors']>[number];

/**
 * Begins at the cursor itself, not behind it: etcd then refuses exactly if something after the
 * cursor may be gone (a deletion at the compacted revision is not kept), and the grouper drops
 * what was delivered before.
 */
function createRequest(
  keys: EtcdKeys,
  { prefix, cursor }: { readonly prefix: string; readonly cursor: Revision },
): NonNullable<IWatchRequest['create_request']> {
  return {
    ...keys.range(prefix),
    start_revision: String(cursor),
    prev_kv: true,
    fragment: true,
    progress_notify: true,
  };
}

function checkCancelled(response: IWatchResponse, cursor: Revision): void {
  if (!response.canceled) return;
  const compacted = BigInt(response.compact_revision);
  if (compacted > 0n) {
    throw new StoreError(
      'Compacted',
      `the history at revision ${cursor} is gone, it begins at ${compacted}`,
    );
  }
  throw new Error(`etcd cancelled the watch: ${response.cancel_reason}`);
}
