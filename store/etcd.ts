import type { CallOptions } from '../lib/call.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { type EtcdConnection, EtcdEndpoints } from './etcd-endpoints.ts';
import { EtcdGatherer } from './etcd-gather.ts';
import { EtcdKeys } from './etcd-keys.ts';
import {
  compact,
  isOutOfSpace,
  type RangeAnswer,
  type RangeRequest,
  range,
  status,
  type TxnOperation,
  txn,
} from './etcd-messages.ts';
import { EtcdReads } from './etcd-reads.ts';
import { watchEtcd } from './etcd-watch.ts';
import { checkTxn, maxKeyBytes } from './limits.ts';
import {
  type ChangeSet,
  type Entry,
  type ListOptions,
  type ListPage,
  type Operation,
  type ReadOptions,
  type Revision,
  type Store,
  StoreError,
  type StoreSpace,
  type Txn,
  type TxnResult,
  type WatchOptions,
} from './store.ts';

export interface EtcdStoreOptions extends Omit<EtcdConnection, 'clock'> {
  /** All keys of the store lie under it, invisibly; default `/berth`. */
  readonly keyPrefix?: string;
  /** For deadlines and pauses between attempts; must tell real time. */
  readonly clock?: Clock;
  readonly log?: Log;
}

/** @see openEtcdStore, which is how others come here. */
export async function connectEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { keyPrefix = '/berth', clock = systemClock, log = silentLog } = options;
  const store = new EtcdStore({
    endpoints: new EtcdEndpoints({ ...options, clock }),
    keys: new EtcdKeys(keyPrefix),
    clock,
    log,
  });
  try {
    await store.revision({ signal: new AbortController().signal });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

const etcdIsFull = {
  why: 'etcd has raised the alarm NOSPACE: its quota is used up',
  remedy: 'etcdctl compact, defrag and alarm disarm, or a greater --quota-backend-bytes',
} as const;

/** For reads that want the revision alone. */
const anyKey = { key: Buffer.from([0]) };

class EtcdStore implements Store {
  readonly #endpoints: EtcdEndpoints;
  readonly #keys: EtcdKeys;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gatherer: EtcdGatherer;
  readonly #reads: EtcdReads;

  constructor(deps: { endpoints: EtcdEndpoints; keys: EtcdKeys; clock: Clock; log: Log }) {
    this.#endpoints = deps.endpoints;
    this.#keys = deps.keys;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#gatherer = new EtcdGatherer((request, signal) =>
      this.#endpoints.call('write', txn, request, signal),
    );
    this.#reads = new EtcdReads((request, signal) =>
      this.#endpoints.call('read', txn, request, signal),
    );
  }

  async get(key: string, { at, signal }: ReadOptions): Promise<Entry | undefined> {
    // What cannot be a key is not found, but whether `at` can be read is checked all the same.
    const isKey = key !== '' && Buffer.byteLength(key) <= maxKeyBytes;
    if (isKey && at === undefined) {
      const found = await this.#reads.get(this.#keys.outer(key), signal);
      return found && this.#keys.entry(found);
    }
    const wanted = isKey ? { key: this.#keys.outer(key) } : { ...anyKey, countOnly: true };
    const { kvs } = await this.#range({ ...wanted, ...revisionOf(at) }, signal);
    return kvs[0] === undefined ? undefined : this.#keys.entry(kvs[0]);
  }

  async list(prefix: string, options: ListOptions): Promise<ListPage> {
    const { at, limit, after, signal } = options;
    const request = {
      ...this.#keys.range(prefix, after),
      ...revisionOf(at),
      ...(limit === undefined ? {} : { limit }),
      ...(limit === 0 ? { countOnly: true } : {}),
    };
    const answer = await this.#range(request, signal);
    return {
      entries: answer.kvs.map((kv) => this.#keys.entry(kv)),
      revision: at === undefined ? answer.revision : atLeastFirst(at),
      remaining: answer.count - answer.kvs.length,
    };
  }

  async txn(wanted: Txn, { signal }: CallOptions): Promise<TxnResult> {
    checkTxn(wanted);
    const request = {
      compare: wanted.compare.map(({ key, modRevision }) => ({
        key: this.#keys.outer(key),
        modRevision,
      })),
      success: wanted.then.map((operation) => this.#operation(operation)),
      failure: wanted.otherwise.map((operation) => this.#operation(operation)),
    };
    const isRead = [...wanted.then, ...wanted.otherwise].every(({ type }) => type === 'get');
    const { succeeded, revision, responses } = isRead
      ? await this.#endpoints.call('read', txn, request, signal)
      : await this.#gatherer.txn({ txn: wanted, request }, signal);
    return {
      succeeded,
      revision,
      entries: responses.map(({ kv }) => (kv === undefined ? undefined : this.#keys.entry(kv))),
    };
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<ChangeSet> {
    const deps = {
      endpoints: this.#endpoints,
      keys: this.#keys,
      clock: this.#clock,
      log: this.#log,
    };
    return watchEtcd(deps, prefix, { ...options, since: atLeastFirst(options.since) });
  }

  async revision({ signal }: CallOptions): Promise<Revision> {
    const request = { ...anyKey, countOnly: true };
    return (await this.#range(request, signal)).revision;
  }

  async compact(revision: Revision, { signal }: CallOptions): Promise<void> {
    // Before the first revision there is no history to forget.
    if (revision <= 1n) return;
    try {
      await this.#endpoints.call('read', compact, revision, signal);
    } catch (error) {
      // That far it is compacted already, by an earlier attempt or by another process.
      if (error instanceof StoreError && error.reason === 'Compacted') return;
      throw error;
    }
  }

  async space({ signal }: CallOptions): Promise<StoreSpace> {
    const [isFull, { sizeBytes, inUseBytes }] = await Promise.all([
      this.#endpoints.call('read', isOutOfSpace, undefined, signal),
      this.#endpoints.call('read', status, undefined, signal),
    ]);
    // 3.4 and newer say it; the default is for what answers in etcd's place.
    const size = { sizeBytes, inUseBytes: inUseBytes || sizeBytes };
    return isFull ? { ...size, full: etcdIsFull } : size;
  }

  async close(): Promise<void> {
    this.#endpoints.close();
  }

  #range(request: RangeRequest, signal: AbortSignal): Promise<RangeAnswer> {
    return this.#endpoints.call('read', range, request, signal);
  }

  #operation(operation: Operation): TxnOperation {
    return { ...operation, key: this.#keys.outer(operation.key) };
  }
}

function revisionOf(at: Revision | undefined): { revision?: Revision } {
  return at === undefined ? {} : { revision: atLeastFirst(at) };
}

/** Revision 1 is the empty store; etcd takes 0 for "the newest". */
function atLeastFirst(revision: Revision): Revision {
  return revision < 1n ? 1n : revision;
}
