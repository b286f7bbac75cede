import type { IRangeRequest, IRequestOp, IResponseOp, ITxnRequest } from 'etcd3';
import type { CallOptions } from '../lib/call.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { type EtcdConnection, EtcdEndpoints } from './etcd-endpoints.ts';
import { EtcdGatherer } from './etcd-gather.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { watchEtcd } from './etcd-watch.ts';
import { checkTxn, maxKeyBytes } from './limits.ts';
import {
  type ChangeSet,
  type Comparison,
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

  constructor(deps: { endpoints: EtcdEndpoints; keys: EtcdKeys; clock: Clock; log: Log }) {
    this.#endpoints = deps.endpoints;
    this.#keys = deps.keys;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#gatherer = new EtcdGatherer((request, signal) => this.#write(request, signal));
  }

  async get(key: string, { at, signal }: ReadOptions): Promise<Entry | undefined> {
    // What cannot be a key is not found, but whether `at` can be read is checked all the same.
    const isKey = key !== '' && Buffer.byteLength(key) <= maxKeyBytes;
    const wanted = isKey ? { key: this.#keys.outer(key) } : { ...anyKey, count_only: true };
    const request = { ...wanted, ...revisionOf(at) };
    const { kvs } = await this.#range(request, signal);
    return kvs[0] === undefined ? undefined : this.#keys.entry(kvs[0]);
  }

  async list(prefix: string, options: ListOptions): Promise<ListPage> {
    const { at, limit, after, signal } = options;
    const request = {
      ...this.#keys.range(prefix, after),
      ...revisionOf(at),
      ...(limit === undefined || limit === 0 ? {} : { limit: String(limit) }),
      ...(limit === 0 ? { count_only: true } : {}),
    };
    const answer = await this.#range(request, signal);
    return {
      entries: answer.kvs.map((kv) => this.#keys.entry(kv)),
      revision: at === undefined ? answer.revision : atLeastFirst(at),
      remaining: answer.count - answer.kvs.length,
    };
  }

  async txn(txn: Txn, { signal }: CallOptions): Promise<TxnResult> {
    checkTxn(txn);
    const request = {
      compare: txn.compare.map((comparison) => this.#compare(comparison)),
      success: txn.then.map((operation) => this.#operation(operation)),
      failure: txn.otherwise.map((operation) => this.#operation(operation)),
    };
    const isRead = [...txn.then, ...txn.otherwise].every(({ type }) => type === 'get');
    const answer = isRead
      ? await this.#endpoints.call('read', signal, (client, options) =>
          client.kv.txn(request, options),
        )
      : await this.#gatherer.txn({ txn, request }, signal);
    return {
      succeeded: answer.succeeded,
      revision: BigInt(answer.header.revision),
      entries: answer.responses.map((response) => this.#entryOf(response)),
    };
  }

  watch(
    prefix: string,
    { since, signal }: { readonly since: Revision; readonly signal: AbortSignal },
  ): AsyncIterable<ChangeSet> {
    const deps = {
      endpoints: this.#endpoints,
      keys: this.#keys,
      clock: this.#clock,
      log: this.#log,
    };
    return watchEtcd(deps, prefix, { since: atLeastFirst(since), signal });
  }

  async revision({ signal }: CallOptions): Promise<Revision> {
    const request = { ...anyKey, count_only: true };
    return (await this.#range(request, signal)).revision;
  }

  async compact(revision: Revision, { signal }: CallOptions): Promise<void> {
    // Before the first revision there is no history to forget.
    if (revision <= 1n) return;
    try {
      await this.#endpoints.call('read', signal, (client, options) =>
        client.kv.compact({ revision: String(revision), physical: false }, options),
      );
    } catch (error) {
      // That far it is compacted already, by an earlier attempt or by another process.
      if (error instanceof StoreError && error.reason === 'Compacted') return;
      throw error;
    }
  }

  async space({ signal }: CallOptions): Promise<StoreSpace> {
    const [{ alarms }, status] = await Promise.all([
      this.#endpoints.call('read', signal, (client, options) =>
        client.maintenance.alarm({ action: 'Get' }, options),
      ),
      this.#endpoints.call('read', signal, (client, options) => client.maintenance.status(options)),
    ]);
    const sizeBytes = Number(status.dbSize);
    // 3.4 and newer say it; the default is for what answers in etcd's place.
    const size = { sizeBytes, inUseBytes: Number(status.dbSizeInUse || status.dbSize) };
    // The decoder gives the name of the alarm in etcd's own capitals.
    const isFull = alarms.some(({ alarm }) => String(alarm).toUpperCase() === 'NOSPACE');
    return isFull ? { ...size, full: etcdIsFull } : size;
  }

  async close(): Promise<void> {
    this.#endpoints.close();
  }

  #write(request: ITxnRequest, signal: AbortSignal) {
    return this.#endpoints.call('write', signal, (client, options) =>
      client.kv.txn(request, options),
    );
  }

  async #range(request: IRangeRequest, signal: AbortSignal) {
    const answer = await this.#endpoints.call('read', signal, (client, options) =>
      client.kv.range(request, options),
    );
    return {
      kvs: answer.kvs,
      count: Number(answer.count),
      revision: BigInt(answer.header.revision),
    };
  }

  #compare({ key, modRevision }: Comparison) {
    return {
      key: this.#keys.outer(key),
      target: 'Mod' as const,
      result: 'Equal' as const,
      mod_revision: String(modRevision),
    };
  }

  #operation(operation: Operation): IRequestOp {
    const key = this.#keys.outer(operation.key);
    switch (operation.type) {
      case 'put':
        return { request_put: { key, value: asBuffer(operation.value) } };
      case 'delete':
        return { request_delete_range: { key, prev_kv: true } };
      case 'get':
        return { request_range: { key } };
    }
  }

  /** Exactly one member of an answer is set, though the declarations say all are. */
  #entryOf(response: Partial<IResponseOp>): Entry | undefined {
    const kv = response.response_range?.kvs[0] ?? response.response_delete_range?.prev_kvs[0];
    return kv === undefined ? undefined : this.#keys.entry(kv);
  }
}

function revisionOf(at: Revision | undefined): { revision?: string } {
  return at === undefined ? {} : { revision: String(atLeastFirst(at)) };
}

/** Revision 1 is the empty store; etcd takes 0 for "the newest". */
function atLeastFirst(revision: Revision): Revision {
  return revision < 1n ? 1n : revision;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
